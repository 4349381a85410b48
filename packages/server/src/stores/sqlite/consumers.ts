import type { ConsumerStore } from "../../ports/consumer-store.ts";
import type { SqliteConnections } from "./connection.ts";

const NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/** On the relaxed connection: what a power cut forgets is done once more. */
export function createConsumerStore({ relaxed }: SqliteConnections): ConsumerStore {
  const claim = relaxed.prepare(`
    INSERT INTO consumer (name, position, failures, retry_at, holder, held_until) VALUES (?1, ?2, 0, 0, ?3, ${NOW} + ?4)
    ON CONFLICT (name) DO UPDATE SET holder = ?3, held_until = ${NOW} + ?4
     WHERE holder IS ?3 OR held_until <= ${NOW}
    RETURNING position, failures, max(0, retry_at - ${NOW}) AS wait`);
  const advance = relaxed.prepare(`
    UPDATE consumer SET position = ?, failures = ?, retry_at = ${NOW} + ?, held_until = ${NOW} + ?
     WHERE name = ? AND holder = ?`);
  const release = relaxed.prepare("UPDATE consumer SET holder = NULL, held_until = 0 WHERE name = ? AND holder = ?");

  return {
    async claim({ name, holder, leaseMs, startAt }) {
      const row = claim.get(name, startAt, holder, leaseMs);
      if (row === undefined) return undefined;
      return { position: Number(row["position"]), failures: Number(row["failures"]), waitMs: Number(row["wait"]) };
    },

    async advance({ name, holder, leaseMs, position, failures, waitMs }) {
      return advance.run(position, failures, waitMs, leaseMs, name, holder).changes === 1;
    },

    async release({ name, holder }) {
      release.run(name, holder);
    },
  };
}
