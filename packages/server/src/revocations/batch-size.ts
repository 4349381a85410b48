import type { Revocation } from "@latchkey/protocol";
import { MAX_BATCH_ENTRIES } from "@latchkey/protocol";

/** How many octets of JSON fit a JWT besides its other claims. */
const MAX_OCTETS = 40_000;

/** What an entry takes besides its id: brackets, commas, two numbers. */
const ENTRY_OCTETS = 28;

/** Entries in batches that fit a JWT each, in their order; at least one, which may be empty. */
export function* splitIntoBatches(revocations: readonly Revocation[]): Generator<readonly Revocation[], void> {
  let batch: Revocation[] = [];
  let octets = 0;
  for (const revocation of revocations) {
    const size = Buffer.byteLength(JSON.stringify(revocation.id)) + ENTRY_OCTETS;
    if (batch.length === MAX_BATCH_ENTRIES || octets + size > MAX_OCTETS) {
      yield batch;
      batch = [];
      octets = 0;
    }
    batch.push(revocation);
    octets += size;
  }
  yield batch;
}
