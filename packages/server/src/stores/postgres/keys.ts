import type { KeyPurpose, KeyStore, StoredKey } from "../../ports/key-store.ts";
import type { Database, PostgresPool, Row } from "./database.ts";
import { transaction } from "./database.ts";
import { fromText, toText } from "./text.ts";

const LIST = {
  name: "latchkey-list-keys",
  text: "SELECT * FROM latchkey.signing_key WHERE purpose = $1 ORDER BY created_at, kid",
};
const INSERT = "INSERT INTO latchkey.signing_key (kid, purpose, alg, created_at, sealed) VALUES ($1, $2, $3, $4, $5)";

export function createKeyStore(database: Database, pool: PostgresPool): KeyStore {
  const listKeys = async (purpose: KeyPurpose): Promise<readonly StoredKey[]> => {
    const { rows } = await database.run(LIST, [purpose]);
    return rows.map((row) => keyOf(row, purpose));
  };

  return {
    listKeys,

    async createFirstKey(key) {
      const [existing] = await listKeys(key.purpose);
      if (existing !== undefined) return existing;
      return transaction(pool, async (client) => {
        // Readers do not wait for this lock; whoever else would make a key does, and then finds this one.
        await client.query({ text: "LOCK TABLE latchkey.signing_key IN SHARE ROW EXCLUSIVE MODE" });
        const { rows } = await client.query({ ...LIST, values: [key.purpose] });
        if (rows[0] !== undefined) return keyOf(rows[0], key.purpose);
        const values = [toText(key.kid), key.purpose, toText(key.alg), key.createdAt, toText(key.sealed)];
        await client.query({ text: INSERT, values });
        return key;
      });
    },
  };
}

function keyOf(row: Row, purpose: KeyPurpose): StoredKey {
  return {
    kid: fromText(String(row["kid"])),
    purpose,
    alg: fromText(String(row["alg"])),
    createdAt: Number(row["created_at"]),
    sealed: fromText(String(row["sealed"])),
  };
}
