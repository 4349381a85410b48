import type { Store } from "@latchkey/server";
import { createSqliteStore } from "@latchkey/server";

export interface StorePlace {
  readonly databasePath: string;
  readonly databaseUrl?: string | undefined;
  readonly redisUrl?: string | undefined;
}

/** SQLite in a file or PostgreSQL, and sessions in Redis where that is wanted. Drivers are loaded only where needed. */
export async function openStore({ databasePath, databaseUrl, redisUrl }: StorePlace): Promise<Store> {
  const accounts =
    databaseUrl === undefined ? createSqliteStore({ path: databasePath }) : await openPostgres(databaseUrl);
  if (redisUrl === undefined) return accounts;
  const { combineStores, createRedisSessionStore } = await import("@latchkey/server/redis");
  return combineStores({ accounts, sessions: createRedisSessionStore({ url: redisUrl }) });
}

async function openPostgres(connectionString: string): Promise<Store> {
  const { createPostgresStore } = await import("@latchkey/server/postgres");
  return createPostgresStore({ connectionString });
}
