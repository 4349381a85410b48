import { ConfigurationError } from "../errors.ts";
import type { StoredKey } from "../ports/key-store.ts";

/** No clock that is right says less: this was written then. */
const EARLIEST = Date.UTC(2026, 0, 1) / 1000;
const LATEST = Date.UTC(2100, 0, 1) / 1000;

/** Nodes' clocks may differ; by this much, in seconds, one of them is wrong. */
const MAX_DIFFERENCE_SECONDS = 86_400;

/**
 * Refuses a clock that is far off: sessions and tokens would end at once, or never.
 *
 * @param keys that were made by this clock earlier, or by other nodes' clocks
 * @throws ConfigurationError
 */
export function refuseWrongClock(now: number, keys: readonly StoredKey[]): void {
  if (!(now >= EARLIEST && now < LATEST)) {
    throw new ConfigurationError(
      `The clock says ${timeOf(now)}, which cannot be. Set the machine's clock, and keep it right with NTP.` +
        (now >= LATEST ? " A clock option must answer seconds since 1970, not milliseconds." : ""),
    );
  }
  const ahead = keys.find((key) => key.sealed !== null && key.createdAt > now + MAX_DIFFERENCE_SECONDS);
  if (ahead !== undefined) {
    throw new ConfigurationError(
      `The clock says ${timeOf(now)}, but the key ${ahead.kid} was made at ${timeOf(ahead.createdAt)}. ` +
        "Set the machine's clock; or, if the clock that made the key was wrong, run: latchkey keys revoke " +
        ahead.kid,
    );
  }
}

function timeOf(seconds: number): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? `${seconds}` : time.toISOString();
}
