import pg from "pg";
import { onTestFinished } from "vitest";

import type { Store } from "../../src/ports/store.ts";
import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import { createTestDatabase } from "./postgres-database.ts";

/** A new database, its store, and a connection of one's own to look behind the store's back. */
export async function openPostgres(
  serverUrl?: string,
): Promise<{ url: string; store: Store; connect: () => Promise<pg.Client> }> {
  const database = await createTestDatabase(serverUrl);
  const opened: { close(): Promise<void> }[] = [];
  onTestFinished(async () => {
    for (const one of opened) await one.close();
    await database.drop();
  });
  const store = createPostgresStore({ connectionString: database.url });
  opened.push(store);
  return {
    url: database.url,
    store,
    connect: async () => {
      const client = new pg.Client({ connectionString: database.url });
      client.on("error", () => undefined);
      await client.connect();
      opened.push({ close: () => client.end().catch(() => undefined) });
      return client;
    },
  };
}

export type Querier = Pick<pg.Pool, "query">;

/**
 * A store whose statements run one after another on one connection, which is here to be asked what they did. On several, how
 * much of a row's past can be cleared away depends on how long the slowest statement of another connection happens to take:
 * whatever has gone since that one began, it may still see.
 */
export async function openOneConnection(serverUrl?: string): Promise<{ store: Store; client: Querier }> {
  const { url } = await openPostgres(serverUrl);
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on("error", () => undefined);
  const store = createPostgresStore({ pool });
  onTestFinished(async () => {
    await store.close();
    await pool.end();
  });
  return { store, client: pool };
}
