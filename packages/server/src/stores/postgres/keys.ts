import type { KeyPurpose } from "../../domain/key-schedule.ts";
import type { KeyStore, StoredKey } from "../../ports/key-store.ts";
import type { Database, PostgresPool, PostgresQuerier, Row } from "./database.ts";
import { QUERY_TIMEOUT_MS, transaction } from "./database.ts";
import { APPEND, eventValues } from "./events.ts";
import { fromText, toText } from "./text.ts";

const COLUMNS = "kid, purpose, alg, created_at, ready_at, activates_at, retain_seconds, revoked_at, sealed";
const LIST = {
  name: "latchkey-list-keys",
  text: `SELECT ${COLUMNS} FROM latchkey.signing_key ORDER BY created_at, kid`,
};
const PUT = `
  INSERT INTO latchkey.signing_key (${COLUMNS})
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  ON CONFLICT (kid) DO UPDATE SET
    (purpose, alg, created_at, ready_at, activates_at, retain_seconds, revoked_at, sealed) =
    (excluded.purpose, excluded.alg, excluded.created_at, excluded.ready_at, excluded.activates_at,
     excluded.retain_seconds, excluded.revoked_at, excluded.sealed)`;

export function createKeyStore(database: Database, pool: PostgresPool): KeyStore {
  const listKeys = async (): Promise<readonly StoredKey[]> => (await database.run(LIST, [])).rows.map(keyOf);

  return {
    listKeys,

    async changeKeys(decide) {
      // Brings the schema up to date, which the transaction relies on.
      await listKeys();
      const work = async (client: PostgresQuerier): Promise<readonly StoredKey[]> => {
        // Readers do not wait for this lock; whoever else would change keys does, and then finds these.
        await client.query({ text: "LOCK TABLE latchkey.signing_key IN SHARE ROW EXCLUSIVE MODE" });
        const keys = (await client.query(LIST)).rows.map(keyOf);
        const change = decide(keys);
        if (change === undefined) return keys;
        for (const key of change.put) {
          const times = [key.createdAt, key.readyAt, key.activatesAt, key.retainSeconds, key.revokedAt];
          const sealed = key.sealed === null ? DESTROYED : toText(key.sealed);
          await client.query({ text: PUT, values: [toText(key.kid), key.purpose, toText(key.alg), ...times, sealed] });
        }
        for (const event of change.events) await client.query({ ...APPEND, values: [...eventValues(event)] });
        return (await client.query(LIST)).rows.map(keyOf);
      };
      // Whoever reads the keys waits for this: were it to wait for ever, they would never be read again.
      return transaction(pool, work, QUERY_TIMEOUT_MS);
    },
  };
}

/** In place of a sealed key: nothing is left of it. */
const DESTROYED = "";

function keyOf(row: Row): StoredKey {
  const sealed = fromText(String(row["sealed"]));
  return {
    kid: fromText(String(row["kid"])),
    purpose: String(row["purpose"]) as KeyPurpose,
    alg: fromText(String(row["alg"])),
    createdAt: Number(row["created_at"]),
    readyAt: Number(row["ready_at"]),
    activatesAt: Number(row["activates_at"]),
    retainSeconds: Number(row["retain_seconds"]),
    revokedAt: row["revoked_at"] === null ? null : Number(row["revoked_at"]),
    sealed: sealed === DESTROYED ? null : sealed,
  };
}
