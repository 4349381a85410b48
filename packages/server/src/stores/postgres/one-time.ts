import { FORGOTTEN_PER_USE } from "../../ports/one-time-store.ts";
import type { OneTimeStore } from "../../ports/one-time-store.ts";
import type { Database } from "./database.ts";
import { toText } from "./text.ts";

/** What must count once, until it is worthless anyway. */
export const ONE_TIME_USES = `
  CREATE TABLE latchkey.one_time_use (
    expires_at bigint NOT NULL,
    purpose    text COLLATE "C" NOT NULL,
    hash       text COLLATE "C" NOT NULL,
    PRIMARY KEY (hash, purpose)
  );
  CREATE INDEX one_time_use_by_expiry ON latchkey.one_time_use (expires_at);
`;

// Nodes that forget at once skip each other's rows. One that is over is left to the next call where this one is of it.
const CONSUME = {
  name: "latchkey-consume-one-time",
  text: `
    WITH over AS MATERIALIZED (
      SELECT ctid FROM latchkey.one_time_use
       WHERE expires_at < $4 AND (hash, purpose) <> ($2, $1)
       ORDER BY expires_at LIMIT ${FORGOTTEN_PER_USE} FOR UPDATE SKIP LOCKED
    ),
    forgotten AS (DELETE FROM latchkey.one_time_use USING over WHERE one_time_use.ctid = over.ctid)
    INSERT INTO latchkey.one_time_use (purpose, hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
};

export function createOneTimeStore(database: Database): OneTimeStore {
  return {
    async consume({ purpose, hash, at, expiresAt }) {
      const { rowCount } = await database.run(CONSUME, [purpose, toText(hash), expiresAt, at]);
      return rowCount === 1;
    },
  };
}
