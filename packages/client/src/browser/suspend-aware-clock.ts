/** More than clocks drift apart between two looks; less than it takes to notice an expired token. */
const SLEEP_MS = 2_000;

/**
 * A clock that never goes back, keeps its pace whatever is done to the device's time, and still counts the time a device
 * slept: `performance.now` stands still meanwhile on most systems. Where the device's clock has run ahead of it, the
 * device slept (or somebody set the clock forward: then the next token is fetched early, which does no harm).
 */
export function createSuspendAwareClock(monotonicMs: () => number, wallMs: () => number): () => number {
  let sleptMs = 0;
  let lastGap = wallMs() - monotonicMs();
  return () => {
    const monotonic = monotonicMs();
    const gap = wallMs() - monotonic;
    if (gap - lastGap > SLEEP_MS) sleptMs += gap - lastGap;
    lastGap = gap;
    return monotonic + sleptMs;
  };
}
