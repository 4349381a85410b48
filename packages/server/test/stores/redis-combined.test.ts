import { it } from "vitest";

import { describeStoreContract } from "../../src/testing/index.ts";
import { shareCombinedStores } from "./redis-combined-stores.ts";
import { describeOnRedis } from "./redis-test-server.ts";

const combined = shareCombinedStores();

describeStoreContract(
  { describe: describeOnRedis, it },
  {
    name: "SQLite with sessions in Redis",
    createDatabase: async () => {
      const place = await combined();
      return { open: async () => place.open(), drop: () => place.drop() };
    },
  },
);
