import type { StatusPlaceStore } from "../../ports/status-place-store.ts";
import type { Database } from "./database.ts";

const LEASE = {
  name: "latchkey-lease-status-places",
  text: "UPDATE latchkey.status_place SET next = next + $1::bigint RETURNING next - $1::bigint AS first",
};

export function createStatusPlaceStore(database: Database): StatusPlaceStore {
  return {
    async lease(count) {
      const { rows } = await database.run(LEASE, [count]);
      return Number(rows[0]?.["first"]);
    },
  };
}
