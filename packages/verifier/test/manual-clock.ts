/** A clock in seconds that stands still until it is moved. */
export interface ManualClock {
  (): number;
  advance(seconds: number): void;
}

export function createManualClock(start = 1_800_000_000): ManualClock {
  let now = start;
  return Object.assign(() => now, {
    advance(seconds: number) {
      now += seconds;
    },
  });
}
