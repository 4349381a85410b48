/** How much of each may happen in one history. Everything else is unlimited: order, delay, loss, and idle tabs. */
export interface Bounds {
  /** Requests of the honest client's tabs together: first tries, retries, and those of other tabs. */
  readonly sends: number;
  /** Copies the network makes of a request. */
  readonly duplicates: number;
  /** Requests of the thief, whose copy of the jar is one; with none there is no thief. */
  readonly thiefSends: number;
  /** Crashes or fail-overs of the store, each forgetting any number of its last relaxed commits. */
  readonly crashes: number;
  /** Sign-outs: revocations by the user or an administrator, at any moment. */
  readonly signOuts: number;
  /** Ticks of the clock. */
  readonly ticks: number;
  /** Client crashes that bring the jar back as it was at any earlier moment. */
  readonly jarCrashes: number;
  /** Requests whose token is newer than the keys and the marker beside it: the jar changed while the browser read it. */
  readonly tornSends: number;
}

export const NOTHING: Bounds = {
  sends: 0,
  duplicates: 0,
  thiefSends: 0,
  crashes: 0,
  signOuts: 0,
  ticks: 0,
  jarCrashes: 0,
  tornSends: 0,
};
