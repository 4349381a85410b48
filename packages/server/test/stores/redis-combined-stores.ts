import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Store } from "../../src/ports/store.ts";
import { combineStores, createRedisSessionStore } from "../../src/stores/redis/index.ts";
import { createSqliteStore } from "../../src/stores/sqlite/index.ts";
import type { RedisPlace } from "./redis-test-server.ts";
import { shareRedis } from "./redis-test-server.ts";

/** Accounts in a SQLite file and sessions under a prefix in Redis, both of one test. */
export interface CombinedPlace {
  readonly redis: RedisPlace;
  readonly path: string;
  /** @param change puts something between the accounts' store and the combined one */
  open(change?: (accounts: Store) => Store): Store;
  drop(): Promise<void>;
}

export function shareCombinedStores(): () => Promise<CombinedPlace> {
  const shared = shareRedis();
  return async () => {
    const redis = await shared();
    const folder = mkdtempSync(join(tmpdir(), "latchkey-combined-"));
    const path = join(folder, "latchkey.db");
    return {
      redis,
      path,
      open: (change = (accounts) => accounts) =>
        combineStores({
          accounts: change(createSqliteStore({ path })),
          sessions: createRedisSessionStore(redis.options),
        }),
      async drop() {
        await redis.drop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  };
}
