import type { SQLOutputValue } from "node:sqlite";

import type { KeyPurpose, KeyStore, StoredKey } from "../../ports/key-store.ts";
import type { SqliteConnections } from "./connection.ts";
import { transaction } from "./connection.ts";

export function createKeyStore({ durable }: SqliteConnections): KeyStore {
  const select = durable.prepare("SELECT * FROM signing_key WHERE purpose = ? ORDER BY created_at, kid");
  const insert = durable.prepare(
    "INSERT INTO signing_key (kid, purpose, alg, created_at, sealed) VALUES (?, ?, ?, ?, ?)",
  );
  const list = (purpose: KeyPurpose): StoredKey[] => select.all(purpose).map((row) => keyOf(row, purpose));

  return {
    async listKeys(purpose) {
      return list(purpose);
    },

    async createFirstKey(key) {
      return transaction(durable, () => {
        const [existing] = list(key.purpose);
        if (existing !== undefined) return existing;
        insert.run(key.kid, key.purpose, key.alg, key.createdAt, key.sealed);
        return key;
      });
    },
  };
}

function keyOf(row: Record<string, SQLOutputValue>, purpose: KeyPurpose): StoredKey {
  return {
    kid: String(row["kid"]),
    purpose,
    alg: String(row["alg"]),
    createdAt: Number(row["created_at"]),
    sealed: String(row["sealed"]),
  };
}
