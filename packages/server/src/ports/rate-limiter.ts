/** So many points in so long a time. */
export interface RateLimit {
  /** Keeps the counts of different limits apart. */
  readonly name: string;
  readonly points: number;
  readonly windowSeconds: number;
}

/** Counts, for all nodes that share it. Every verb is one atomic step, and rejects where it cannot count. */
export interface RateLimiter {
  /**
   * Takes a point. Answers `undefined`, or, where there is none left, in how many seconds there will be.
   *
   * @param key of a bounded number of keys, and never a secret or an address itself: see `createBucketOf`
   */
  take(limit: RateLimit, key: string): Promise<number | undefined>;
  /** Gives back a point that was taken. */
  giveBack(limit: RateLimit, key: string): Promise<void>;
  /** Gives back all points. */
  reset(limit: RateLimit, key: string): Promise<void>;
}
