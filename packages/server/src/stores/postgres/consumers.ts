import type { ConsumerStore } from "../../ports/consumer-store.ts";
import type { Database } from "./database.ts";
import { toText } from "./text.ts";

const NOW = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

// Neither is flushed: what a crash forgets is done once more.
const CLAIM = {
  name: "latchkey-claim-consumer",
  text: `
    INSERT INTO latchkey.consumer AS known (name, position, failures, retry_at, holder, held_until)
    SELECT $1::text, $2::bigint, 0, 0, $3::text, ${NOW} + $4::bigint WHERE set_config('synchronous_commit', 'off', true) = 'off'
    ON CONFLICT (name) DO UPDATE SET holder = $3, held_until = ${NOW} + $4::bigint
     WHERE known.holder = $3 OR known.held_until <= ${NOW}
    RETURNING position, failures, greatest(0, retry_at - ${NOW}) AS wait`,
};

const ADVANCE = {
  name: "latchkey-advance-consumer",
  text: `
    UPDATE latchkey.consumer
       SET position = $3, failures = $4, retry_at = ${NOW} + $5::bigint, held_until = ${NOW} + $6::bigint
     WHERE name = $1 AND holder = $2 AND set_config('synchronous_commit', 'off', true) = 'off'`,
};

const RELEASE = {
  name: "latchkey-release-consumer",
  text: "UPDATE latchkey.consumer SET holder = NULL, held_until = 0 WHERE name = $1 AND holder = $2",
};

export function createConsumerStore(database: Database): ConsumerStore {
  return {
    async claim({ name, holder, leaseMs, startAt }) {
      const { rows } = await database.run(CLAIM, [toText(name), startAt, holder, leaseMs]);
      const [row] = rows;
      if (row === undefined) return undefined;
      return { position: Number(row["position"]), failures: Number(row["failures"]), waitMs: Number(row["wait"]) };
    },

    async advance({ name, holder, leaseMs, position, failures, waitMs }) {
      const values = [toText(name), holder, position, failures, waitMs, leaseMs];
      return (await database.run(ADVANCE, values)).rowCount === 1;
    },

    async release({ name, holder }) {
      await database.run(RELEASE, [toText(name), holder]);
    },
  };
}
