/** Where a consumer of the audit log is, and how it fares. */
export interface ConsumerState {
  /** The number of the last entry it is done with. */
  readonly position: number;
  /** How often in a row the next one has failed. */
  readonly failures: number;
  /** How long to wait before it is tried again, in milliseconds. */
  readonly waitMs: number;
}

/**
 * Work that one node does at a time, and where it has got to. Leases go by the store's own clock, so it does not matter how
 * the nodes' clocks differ. A lease is a courtesy and no lock: a node that was paused may find that it has lost it.
 */
export interface ConsumerStore {
  /**
   * Takes the work, or keeps it, for so long; `undefined` where another node has it. Work that nobody has had before
   * begins at `startAt`.
   */
  claim(claim: {
    readonly name: string;
    readonly holder: string;
    readonly leaseMs: number;
    readonly startAt: number;
  }): Promise<ConsumerState | undefined>;

  /** Notes how it fares and prolongs the lease. Answers `false`, and changes nothing, where another node has the work now. */
  advance(
    progress: ConsumerState & { readonly name: string; readonly holder: string; readonly leaseMs: number },
  ): Promise<boolean>;

  /** Lets another node take it at once. */
  release(work: { readonly name: string; readonly holder: string }): Promise<void>;
}
