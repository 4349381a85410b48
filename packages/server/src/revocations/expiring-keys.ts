import type { Clock } from "../ports/clock.ts";

/** A set that forgets each key when its time is over; it holds at most about twice as many as have time left. */
export interface ExpiringKeys<Key> {
  /** @param until in seconds since 1970 */
  add(key: Key, until: number): void;
  has(key: Key): boolean;
  /** Those that have time left. */
  keys(): readonly Key[];
}

const MIN_SWEEP = 1_000;

export function createExpiringKeys<Key>(clock: Clock): ExpiringKeys<Key> {
  const untilByKey = new Map<Key, number>();
  let sweepAt = MIN_SWEEP;

  // Once as many have been added as had time left, so that a sweep costs each key a constant.
  const sweep = (): void => {
    const now = clock();
    for (const [key, until] of untilByKey) if (until <= now) untilByKey.delete(key);
    sweepAt = Math.max(2 * untilByKey.size, MIN_SWEEP);
  };

  return {
    add(key, until) {
      untilByKey.set(key, Math.max(until, untilByKey.get(key) ?? 0));
      if (untilByKey.size >= sweepAt) sweep();
    },
    has: (key) => (untilByKey.get(key) ?? 0) > clock(),
    keys() {
      sweep();
      return [...untilByKey.keys()];
    },
  };
}
