import type { Revocation } from "@latchkey/protocol";

import type { Clock } from "../ports/clock.ts";

interface NumberedRevocation {
  /** Of the event it came from. */
  readonly sequence: number;
  readonly revocation: Revocation;
}

/** The revocations that can still matter, in the order of their events. */
export interface LiveRevocations {
  /** Events come in the order of their numbers. */
  add(sequence: number, revocations: readonly Revocation[]): void;
  after(sequence: number): readonly Revocation[];
  all(): readonly Revocation[];
  /** From now on the entries held come before any event: their own numbers have been given to others. */
  forgetNumbers(): void;
  readonly size: number;
}

/** How many of those whose time is over are kept before the rest is moved together. */
const MIN_SWEEP = 1_000;

export function createLiveRevocations(clock: Clock): LiveRevocations {
  let entries: NumberedRevocation[] = [];
  let sweepAt = MIN_SWEEP;

  // Once as many have been added as were alive, so that a sweep costs each entry a constant.
  const sweep = (): void => {
    const now = clock();
    entries = entries.filter(({ revocation }) => revocation.until > now);
    sweepAt = Math.max(2 * entries.length, MIN_SWEEP);
  };

  const live = (from: readonly NumberedRevocation[]): readonly Revocation[] => {
    const now = clock();
    return from.map(({ revocation }) => revocation).filter((revocation) => revocation.until > now);
  };

  return {
    add(sequence, revocations) {
      for (const revocation of revocations) entries.push({ sequence, revocation });
      if (entries.length >= sweepAt) sweep();
    },

    after: (sequence) => live(entries.slice(firstAfter(entries, sequence))),

    all: () => live(entries),

    forgetNumbers() {
      entries = entries.map(({ revocation }) => ({ sequence: 0, revocation }));
    },

    get size() {
      return entries.length;
    },
  };
}

/** The index of the first entry of a higher number, found by halving. */
function firstAfter(entries: readonly NumberedRevocation[], sequence: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.sequence ?? 0) <= sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
