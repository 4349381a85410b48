// A node that dies while it changes an account: run as a process of its own, and killed by its own hand.
import { combineStores, createRedisSessionStore } from "../../src/stores/redis/index.ts";
import type { RedisSessionStoreOptions } from "../../src/stores/redis/index.ts";
import { createSqliteStore } from "../../src/stores/sqlite/index.ts";
import { NOW, passwordChanged, userEvent } from "../../src/testing/samples.ts";

export interface DyingOrder {
  readonly path: string;
  readonly redis: RedisSessionStoreOptions;
  readonly dies: "before the account changes" | "after the account changed";
  readonly userId: string;
  readonly expectedHash: string;
  /** What to do: change the password, or delete the account. */
  readonly change: { readonly newHash: string; readonly keepSessionId: string } | "delete";
}

const { path, redis, dies, userId, expectedHash, change } = JSON.parse(process.argv[2] ?? "") as DyingOrder;

const accounts = createSqliteStore({ path });
const store = combineStores({
  accounts: {
    ...accounts,
    accounts: {
      ...accounts.accounts,
      changePassword: (...verb) => dyingAround(() => accounts.accounts.changePassword(...verb)),
      deleteAccount: (...verb) => dyingAround(() => accounts.accounts.deleteAccount(...verb)),
    },
  },
  sessions: createRedisSessionStore(redis),
});

async function dyingAround(work: () => Promise<boolean>): Promise<boolean> {
  if (dies === "after the account changed") await work();
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => undefined);
}

await (change === "delete"
  ? store.accounts.deleteAccount({ userId, expectedHash }, userEvent("account_deleted", userId))
  : store.accounts.changePassword(
      { userId, expectedHash, ...change, at: NOW },
      passwordChanged(userId, change.keepSessionId),
    ));
