/** The machine's monotonic clock, in milliseconds: the same for all of its processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
