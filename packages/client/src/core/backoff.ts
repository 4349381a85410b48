const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** No authority may park a client for longer than this. */
const LONGEST_RETRY_AFTER_MS = 600_000;

/**
 * How long to wait after so many failures in a row (from 1): doubling from one second to one minute, less up to half of it
 * at random, so that clients of a returning authority do not come all at once; and never before `Retry-After`.
 */
export function backoffMs(failures: number, jitter: number, retryAfterSeconds: number | undefined): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  const asked = Math.min(LONGEST_RETRY_AFTER_MS, (retryAfterSeconds ?? 0) * 1_000);
  return asked + ceiling * (1 - jitter / 2);
}
