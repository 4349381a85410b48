import type { StatusPlaceStore } from "../../ports/status-place-store.ts";
import type { SqliteConnections } from "./connection.ts";

export function createStatusPlaceStore({ durable }: SqliteConnections): StatusPlaceStore {
  const lease = durable.prepare("UPDATE status_place SET next = next + ? RETURNING next");
  return {
    async lease(count) {
      return Number(lease.get(count)?.["next"]) - count;
    },
  };
}
