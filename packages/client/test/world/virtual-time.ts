import type { StartTimer } from "../../src/core/ports.ts";

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Time that passes only when told to. */
export interface VirtualTime {
  readonly nowMs: () => number;
  readonly after: StartTimer;
  /** Lets so much time pass, running what falls due, each in its turn. */
  pass(ms: number): Promise<void>;
}

/** @param settle waits until nothing moves any more but by time */
export function createVirtualTime(settle: () => Promise<void>): VirtualTime {
  let now = 0;
  const timers = new Set<Timer>();
  return {
    nowMs: () => now,
    after(delayMs, callback) {
      const timer = { dueMs: now + Math.max(0, delayMs), callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async pass(ms) {
      const end = now + ms;
      await settle();
      for (let rounds = 0; rounds < 10_000; rounds++) {
        const next = [...timers].filter((timer) => timer.dueMs <= end).toSorted((a, b) => a.dueMs - b.dueMs)[0];
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.dueMs);
        next.callback();
        await settle();
      }
      now = end;
    },
  };
}

/** Lets promises and real I/O that is already under way come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}
