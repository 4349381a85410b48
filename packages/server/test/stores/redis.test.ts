import { it } from "vitest";

import { createRedisSessionStore } from "../../src/stores/redis/index.ts";
import { describeSessionStoreContract } from "../../src/testing/index.ts";
import { describeOnRedis, shareRedis } from "./redis-test-server.ts";

const redis = shareRedis();

describeSessionStoreContract(
  { describe: describeOnRedis, it },
  {
    name: "Redis",
    createDatabase: async () => {
      const place = await redis();
      return { open: async () => createRedisSessionStore(place.options), drop: () => place.drop() };
    },
  },
);
