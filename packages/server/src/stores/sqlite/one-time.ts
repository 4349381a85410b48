import { FORGOTTEN_PER_USE } from "../../ports/one-time-store.ts";
import type { OneTimeStore } from "../../ports/one-time-store.ts";
import type { TurnBatch } from "./turn-batch.ts";
import type { SqliteConnections } from "./connection.ts";

/** @param uses batches on the durable connection: one flush to the disk for all that come at once */
export function createOneTimeStore({ durable }: SqliteConnections, uses: TurnBatch): OneTimeStore {
  const insert = durable.prepare(
    "INSERT INTO one_time_use (purpose, hash, expires_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const forget = durable.prepare(`
    DELETE FROM one_time_use WHERE (purpose, hash) IN (
      SELECT purpose, hash FROM one_time_use WHERE expires_at < ? ORDER BY expires_at LIMIT ${FORGOTTEN_PER_USE})`);

  return {
    consume({ purpose, hash, at, expiresAt }) {
      return uses.add(() => {
        const isFirst = insert.run(purpose, hash, expiresAt).changes === 1;
        if (isFirst) forget.run(at);
        return isFirst;
      });
    },
  };
}
