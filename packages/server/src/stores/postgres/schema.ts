import { ConfigurationError } from "../../errors.ts";
import type { PostgresQuerier, PostgresPool } from "./database.ts";
import { transaction } from "./database.ts";
import { ONE_TIME_USES } from "./one-time.ts";
import { AUDIT } from "./schema-audit.ts";
import { API_TOKENS } from "./schema-api-tokens.ts";
import { CLIENT_EVENTS } from "./schema-client-events.ts";
import { CLIENT_FAILURES } from "./schema-client-failures.ts";
import { EVENT_NOTIFICATIONS, EVENTS } from "./schema-events.ts";
import { QUIET_EVENTS } from "./schema-quiet-events.ts";
import { SESSION_LIMIT, SESSION_LIMIT_LAST_TO_GO } from "./schema-session-limit.ts";

/** The schema, one step a version. Steps are only ever appended: a database in the field has taken the earlier ones. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE latchkey.account (
    id             text COLLATE "C" PRIMARY KEY,
    email          text COLLATE "C" NOT NULL UNIQUE,
    email_verified boolean NOT NULL,
    name           text,
    roles          text NOT NULL,
    password_hash  text COLLATE "C" NOT NULL,
    created_at     bigint NOT NULL,
    disabled_at    bigint
  );

  -- One row for a session's whole life. A refresh changes no column that an index knows, so it is a heap-only update:
  -- no index entry, and the old version is cleared away by the next refresh on the page, without vacuum. For that the
  -- page must have room: a row about doubles during its first eight refreshes, and half of each page is left for it.
  -- Text that is compared is compared by bytes: fast, and no index depends on the operating system's collations.
  CREATE TABLE latchkey.session (
    created_at        bigint NOT NULL,
    auth_time         bigint NOT NULL,
    expires_at        bigint NOT NULL,
    generation        bigint NOT NULL,
    rotated_at        bigint NOT NULL,
    idle_expires_at   bigint NOT NULL,
    revoked_at        bigint,
    persistent        boolean NOT NULL,
    attempt_keys_used boolean NOT NULL,
    id                text COLLATE "C" PRIMARY KEY,
    user_id           text COLLATE "C" NOT NULL,
    client_id         text NOT NULL,
    audience          text NOT NULL,
    scope             text NOT NULL,
    amr               text NOT NULL,
    acr               text NOT NULL,
    device            text,
    ip                text,
    jkt               text,
    secret_hash       text COLLATE "C" NOT NULL,
    attempts          text NOT NULL,
    revoked_reason    text
  ) WITH (
    fillfactor = 50,
    -- The defaults wait for a fifth of the table, which is 20 million rows where there are 100 million.
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.01
  );
  CREATE INDEX session_by_user ON latchkey.session (user_id);
  CREATE INDEX session_by_expiry ON latchkey.session (expires_at);

  CREATE TABLE latchkey.signing_key (
    kid        text COLLATE "C" PRIMARY KEY,
    purpose    text NOT NULL,
    alg        text NOT NULL,
    created_at bigint NOT NULL,
    sealed     text NOT NULL
  );
  ${EVENTS}
  `,
  `
  ALTER TABLE latchkey.account
    ADD COLUMN claims_epoch bigint NOT NULL DEFAULT 0,
    -- How many have tried to guess the password since it was last right.
    ADD COLUMN password_checks bigint NOT NULL DEFAULT 0;
  ${EVENT_NOTIFICATIONS}

  -- As rate-limiter-flexible has it. Unlogged: what a crash forgets is a quarter of an hour of guesses.
  CREATE UNLOGGED TABLE latchkey.rate_limit (
    key    varchar(255) PRIMARY KEY,
    points integer NOT NULL DEFAULT 0,
    expire bigint
  );
  `,
  SESSION_LIMIT,
  ONE_TIME_USES,
  `
  -- One row: the first place in the status lists that no session has been given.
  CREATE TABLE latchkey.status_place (next bigint NOT NULL);
  INSERT INTO latchkey.status_place (next) VALUES (0);
  `,
  `
  -- Keys follow one another. The one there is has signed since it was made.
  ALTER TABLE latchkey.signing_key
    ADD COLUMN ready_at bigint NOT NULL DEFAULT 0,
    ADD COLUMN activates_at bigint NOT NULL DEFAULT 0,
    ADD COLUMN retain_seconds bigint NOT NULL DEFAULT 0,
    ADD COLUMN revoked_at bigint;
  UPDATE latchkey.signing_key SET ready_at = created_at, activates_at = created_at;
  `,
  `
  -- Where a session was last seen: country and region, nothing finer.
  ALTER TABLE latchkey.session ADD COLUMN place text;
  `,
  AUDIT,
  API_TOKENS,
  QUIET_EVENTS,
  CLIENT_EVENTS,
  CLIENT_FAILURES,
  SESSION_LIMIT_LAST_TO_GO,
];

/** One key for all nodes of all databases of a server; any number will do that nobody else uses. */
const MIGRATION_LOCK = "7812734591120384";

/** Brings the schema up to date, once however many nodes start together, and refuses a newer one than it knows. */
export async function migrate(pool: PostgresPool): Promise<void> {
  await transaction(pool, async (client) => {
    await refuseUnsafeSettings(client);
    // Without the lock first: an ordinary start neither waits for anybody nor needs the right to change the schema.
    if ((await schemaVersion(client)) === MIGRATIONS.length) return;
    await client.query({ text: `SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})` });
    const version = await schemaVersion(client);
    if (version === 0) await createSchema(client);
    for (const [index, step] of MIGRATIONS.entries()) {
      if (index < version) continue;
      await client.query({ text: step });
      await client.query({ text: `INSERT INTO latchkey.migration (version) VALUES (${index + 1})` });
    }
  });
}

async function schemaVersion(client: PostgresQuerier): Promise<number> {
  // Asked of the catalogue's tables: to_regclass() may answer from before the lock was waited for.
  const tables = await client.query({
    text: "SELECT FROM pg_catalog.pg_tables WHERE schemaname = 'latchkey' AND tablename = 'migration'",
  });
  if (tables.rowCount === 0) return 0;
  const { rows } = await client.query({ text: "SELECT max(version) AS version FROM latchkey.migration" });
  const version = Number(rows[0]?.["version"] ?? 0);
  if (version > MIGRATIONS.length) {
    throw new ConfigurationError(
      `The database has schema ${version}; this Latchkey knows up to ${MIGRATIONS.length}. Install a newer Latchkey.`,
    );
  }
  return version;
}

async function createSchema(client: PostgresQuerier): Promise<void> {
  // Asked first: a role that may not create schemas can use one that was made for it.
  const schemas = await client.query({ text: "SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'latchkey'" });
  if (schemas.rowCount === 0) await client.query({ text: "CREATE SCHEMA latchkey" });
  await client.query({
    text: `CREATE TABLE latchkey.migration (
             version integer PRIMARY KEY,
             applied_at timestamptz NOT NULL DEFAULT now()
           )`,
  });
}

async function refuseUnsafeSettings(client: PostgresQuerier): Promise<void> {
  const { rows } = await client.query({
    text: `SELECT current_setting('server_encoding') AS encoding,
                  current_setting('default_transaction_isolation') AS isolation,
                  current_setting('synchronous_commit') AS flush`,
  });
  const { encoding, isolation, flush } = rows[0] ?? {};
  if (encoding !== "UTF8") {
    throw new ConfigurationError(
      "The database's encoding is not UTF8. Make it with: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
    );
  }
  // Under the stricter levels a statement that waited for another fails, where here it looks again at what it finds.
  if (isolation !== "read committed") {
    throw new ConfigurationError(
      "default_transaction_isolation is not 'read committed', which Latchkey's statements are written for. " +
        "Set it for its role: ALTER ROLE … SET default_transaction_isolation = 'read committed'",
    );
  }
  if (flush === "off") {
    throw new ConfigurationError(
      "synchronous_commit is off, so a revoked session could come back after a crash. Latchkey turns it off by itself " +
        "where nothing is lost by it. Set it for its role: ALTER ROLE … SET synchronous_commit = on",
    );
  }
}
