import type { SQLOutputValue } from "node:sqlite";

import type { KeyPurpose } from "../../domain/key-schedule.ts";
import type { KeyStore, StoredKey } from "../../ports/key-store.ts";
import type { SqliteConnections } from "./connection.ts";
import { transaction } from "./connection.ts";
import { prepareAppendEvent } from "./events.ts";

export function createKeyStore({ durable }: SqliteConnections): KeyStore {
  const select = durable.prepare("SELECT * FROM signing_key ORDER BY created_at, kid");
  const put = durable.prepare(
    `INSERT OR REPLACE INTO signing_key
       (kid, purpose, alg, created_at, ready_at, activates_at, retain_seconds, revoked_at, sealed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const append = prepareAppendEvent(durable);
  const list = (): StoredKey[] => select.all().map(keyOf);

  return {
    async listKeys() {
      return list();
    },

    async changeKeys(decide) {
      return transaction(durable, () => {
        const keys = list();
        const change = decide(keys);
        if (change === undefined) return keys;
        for (const key of change.put) {
          const times = [key.createdAt, key.readyAt, key.activatesAt, key.retainSeconds, key.revokedAt];
          put.run(key.kid, key.purpose, key.alg, ...times, key.sealed ?? DESTROYED);
        }
        for (const event of change.events) append(event);
        return list();
      });
    },
  };
}

/** In place of a sealed key: nothing is left of it. */
const DESTROYED = "";

function keyOf(row: Record<string, SQLOutputValue>): StoredKey {
  const sealed = String(row["sealed"]);
  return {
    kid: String(row["kid"]),
    purpose: String(row["purpose"]) as KeyPurpose,
    alg: String(row["alg"]),
    createdAt: Number(row["created_at"]),
    readyAt: Number(row["ready_at"]),
    activatesAt: Number(row["activates_at"]),
    retainSeconds: Number(row["retain_seconds"]),
    revokedAt: row["revoked_at"] === null ? null : Number(row["revoked_at"]),
    sealed: sealed === DESTROYED ? null : sealed,
  };
}
