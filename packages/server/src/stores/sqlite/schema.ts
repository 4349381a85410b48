import type { DatabaseSync } from "node:sqlite";

import { ConfigurationError } from "../../errors.ts";
import { AUDIT } from "./schema-audit.ts";

/** The schema, one step a version. Steps are only ever appended: a database in the field has taken the earlier ones. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE user (
    id             TEXT PRIMARY KEY,
    email          TEXT NOT NULL UNIQUE,
    email_verified INTEGER NOT NULL,
    name           TEXT,
    roles          TEXT NOT NULL,
    password_hash  TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    disabled_at    INTEGER
  ) STRICT, WITHOUT ROWID;

  -- One row for a session's whole life. A refresh changes it in place and touches no index.
  CREATE TABLE session (
    id                TEXT PRIMARY KEY,
    user_id           TEXT NOT NULL,
    client_id         TEXT NOT NULL,
    audience          TEXT NOT NULL,
    scope             TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    auth_time         INTEGER NOT NULL,
    amr               TEXT NOT NULL,
    acr               TEXT NOT NULL,
    persistent        INTEGER NOT NULL,
    device            TEXT,
    ip                TEXT,
    jkt               TEXT,
    expires_at        INTEGER NOT NULL,
    generation        INTEGER NOT NULL,
    secret_hash       TEXT NOT NULL,
    attempts          TEXT NOT NULL,
    attempt_keys_used INTEGER NOT NULL,
    rotated_at        INTEGER NOT NULL,
    idle_expires_at   INTEGER NOT NULL,
    revoked_at        INTEGER,
    revoked_reason    TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX session_by_user ON session (user_id);
  CREATE INDEX session_by_expiry ON session (expires_at);

  CREATE TABLE signing_key (
    kid        TEXT PRIMARY KEY,
    purpose    TEXT NOT NULL,
    alg        TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    sealed     TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- The outbox: audit log, revocation feed and webhooks read from it.
  CREATE TABLE event (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    type       TEXT NOT NULL,
    user_id    TEXT,
    session_id TEXT,
    detail     TEXT NOT NULL
  ) STRICT;
  CREATE INDEX event_by_user ON event (user_id);
  `,
  `
  ALTER TABLE user ADD COLUMN claims_epoch INTEGER NOT NULL DEFAULT 0;
  -- How many have tried to guess the password since it was last right.
  ALTER TABLE user ADD COLUMN password_checks INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- What must count once, until it is worthless anyway.
  CREATE TABLE one_time_use (
    purpose    TEXT NOT NULL,
    hash       TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, hash)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX one_time_use_by_expiry ON one_time_use (expires_at);
  `,
  `
  -- One row: the first place in the status lists that no session has been given.
  CREATE TABLE status_place (next INTEGER NOT NULL) STRICT;
  INSERT INTO status_place (next) VALUES (0);
  `,
  `
  -- Keys follow one another. The one there is has signed since it was made.
  ALTER TABLE signing_key ADD COLUMN ready_at INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE signing_key ADD COLUMN activates_at INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE signing_key ADD COLUMN retain_seconds INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE signing_key ADD COLUMN revoked_at INTEGER;
  UPDATE signing_key SET ready_at = created_at, activates_at = created_at;
  `,
  `
  -- Where a session was last seen: country and region, nothing finer.
  ALTER TABLE session ADD COLUMN place TEXT;
  `,
  AUDIT,
  `
  -- What is known of API tokens; the tokens themselves are nowhere.
  CREATE TABLE api_token (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    name         TEXT NOT NULL,
    audience     TEXT NOT NULL,
    scope        TEXT NOT NULL,
    jkt          TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX api_token_by_user ON api_token (user_id);
  CREATE INDEX api_token_by_expiry ON api_token (expires_at);
  CREATE INDEX api_token_revoked ON api_token (id) WHERE revoked_at IS NOT NULL;
  `,
  `
  -- Remembered attempts were [{"generation":g,"keyHashes":[hash,…]},…], and are [[g,hash,…],…].
  UPDATE session SET attempts = (
    SELECT json_group_array(json('[' || json_extract(value, '$.generation') || ',' ||
                                 ltrim(json_extract(value, '$.keyHashes'), '[')))
      FROM json_each(session.attempts));
  `,
];

/**
 * Brings the schema up to date, once however many processes start together, and refuses a newer one than it knows.
 *
 * @param steps how many there are; fewer make the schema of an earlier version
 */
export function migrate(database: DatabaseSync, steps: number = MIGRATIONS.length): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version > steps) {
      throw new ConfigurationError(
        `The database has schema ${version}; this Latchkey knows up to ${steps}. Install a newer Latchkey.`,
      );
    }
    for (const step of MIGRATIONS.slice(version, steps)) database.exec(step);
    database.exec(`PRAGMA user_version = ${steps}`);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}
