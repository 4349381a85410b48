/**
 * `@latchkey/server/postgres`: everything in PostgreSQL (14 or newer), for as many nodes as there are. Apart from the root
 * entry, so that only who uses it needs `pg`.
 *
 * @module
 */
import pg from "pg";

import { ConfigurationError } from "../../errors.ts";
import type { Store } from "../../ports/store.ts";
import { createAccountStore } from "./accounts.ts";
import { createAuditStore } from "./audit.ts";
import { createConsumerStore } from "./consumers.ts";
import { createApiTokenStore } from "./api-tokens.ts";
import type { PostgresPool } from "./database.ts";
import { createDatabase, untilDone } from "./database.ts";
import { createEventLog } from "./events.ts";
import { createKeyStore } from "./keys.ts";
import { createOneTimeStore } from "./one-time.ts";
import { migrate } from "./schema.ts";
import { groupFindSessionWithUser } from "./session-with-user.ts";
import { createSessionStore } from "./sessions.ts";
import { createStatusPlaceStore } from "./status-places.ts";

export { createPostgresRateLimiter } from "./rate-limiter.ts";
export type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from "./database.ts";

export type PostgresStoreOptions =
  /** For example `postgres://user:password@host/database`; the store keeps up to ten connections of its own. */
  | { readonly connectionString: string }
  /** A `pg.Pool` of yours, in the size you want. It stays yours to close, and to listen to its `error` events. */
  | { readonly pool: PostgresPool };

/** How long to wait for a connection, in milliseconds, before the request that needs it is refused. */
const CONNECTION_TIMEOUT_MS = 5_000;

const HEALTH = { name: "latchkey-health", text: "SELECT 1" };

/**
 * Everything in the schema `latchkey` of one PostgreSQL database, which is made or brought up to date at first use. The
 * server may be away at that moment: until it is there, the store's verbs reject, and then they work.
 */
export function createPostgresStore(options: PostgresStoreOptions): Store {
  const pool = "pool" in options ? options.pool : openPool(options.connectionString);
  let closed = false;
  const migrated = untilDone(() => migrate(pool));
  const database = createDatabase(pool, () => (closed ? Promise.reject(closedError()) : migrated()));
  return {
    accounts: createAccountStore(database),
    apiTokens: createApiTokenStore(database, pool),
    sessions: createSessionStore(database),
    keys: createKeyStore(database, pool),
    statusPlaces: createStatusPlaceStore(database),
    events: createEventLog(database, pool),
    audit: createAuditStore(database),
    consumers: createConsumerStore(database),
    findSessionWithUser: groupFindSessionWithUser(database),
    oneTime: createOneTimeStore(database),
    async checkHealth() {
      await database.run(HEALTH, []);
    },
    async close() {
      if (closed) return;
      closed = true;
      if (!("pool" in options)) await pool.end();
    },
  };
}

function openPool(connectionString: string): PostgresPool {
  if (!/^postgres(ql)?:\/\//.test(connectionString)) {
    throw new ConfigurationError("connectionString: must begin with postgres:// or postgresql://");
  }
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: CONNECTION_TIMEOUT_MS, keepAlive: true });
  // A connection that breaks while idle has left the pool already; whoever needs the next one hears of it.
  pool.on("error", () => undefined);
  return pool;
}

function closedError(): Error {
  return new Error("The PostgreSQL store is closed. Open another one with createPostgresStore.");
}
