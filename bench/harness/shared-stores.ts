import { openPostgresDatabase } from "./postgres-database.ts";
import { openRedisSessions } from "./redis-sessions.ts";
import type { SharedStore } from "./shared-store.ts";
import { openTemporarySqlite } from "./sqlite-folder.ts";

/** The stores that trials run on, by the names that `--store` takes; another one is one line here. */
const STORES: ReadonlyMap<string, () => Promise<SharedStore>> = new Map([
  ["sqlite", async () => openTemporarySqlite()],
  ["postgres", openPostgresDatabase],
  ["redis", () => openRedisSessions({ accounts: "SQLite" })],
  ["redis-postgres", () => openRedisSessions({ accounts: "PostgreSQL" })],
  ["redis-everysec", () => openRedisSessions({ accounts: "SQLite", fsync: "everysec" })],
]);

export const STORE_NAMES: string = [...STORES.keys()].join(", ");

/** Opens the stores of a name, one after the other, and closes each after the work on it.
 *
 * @param name one of {@link STORE_NAMES}, or `all` */
export async function eachStore(name: string, work: (store: SharedStore) => Promise<void>): Promise<void> {
  const chosen = [...STORES].filter(([known]) => name === "all" || name === known).map(([, open]) => open);
  if (chosen.length === 0) throw new Error(`--store: must be all or one of ${STORE_NAMES}`);
  for (const open of chosen) {
    const store = await open();
    try {
      await work(store);
    } finally {
      await store.close();
    }
  }
}
