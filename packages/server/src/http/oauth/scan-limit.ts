import { AuthError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";

/**
 * Bounds how many tokens that this authority never issued one resource server may ask about (RFC 7662 §4). Tokens that
 * are ours are answered all the same: who floods an API with rubbish must not have its true tokens refused. A node counts
 * for itself.
 */
export interface ScanLimit {
  /** @throws AuthError `rate_limited` past the limit */
  count(resourceServerId: string): void;
}

const WINDOW_SECONDS = 60;

/** Signatures that do not hold are cheap to refuse and hopeless to guess: the limit is for logs and alarms to go by. */
const UNKNOWN_TOKENS_PER_WINDOW = 600;

export function createScanLimit(clock: Clock): ScanLimit {
  let counts = new Map<string, number>();
  let window = 0;

  return {
    count(id) {
      const now = clock();
      const current = Math.floor(now / WINDOW_SECONDS);
      if (current !== window) counts = new Map();
      window = current;
      const count = (counts.get(id) ?? 0) + 1;
      counts.set(id, count);
      if (count <= UNKNOWN_TOKENS_PER_WINDOW) return;
      throw new AuthError("rate_limited", { retryAfterSeconds: (current + 1) * WINDOW_SECONDS - now });
    },
  };
}
