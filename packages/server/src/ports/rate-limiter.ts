/** So many points in so long a time. */
export interface RateLimit {
  /** Keeps the counts of different limits apart. */
  readonly name: string;
  readonly points: number;
  readonly windowSeconds: number;
}

export interface TakenPoint {
  /** Gives it back, in the window that it was taken in: in a later one it would let somebody have one too many. */
  giveBack(): Promise<void>;
}

/** Counts, for all nodes that share it. Every verb is one atomic step, and rejects where it cannot count. */
export interface RateLimiter {
  /**
   * Takes a point, or, where there is none left, answers in how many seconds there will be.
   *
   * @param key of a bounded number of keys, and never a secret or an address itself: see `createBucketOf`
   */
  take(limit: RateLimit, key: string): Promise<TakenPoint | number>;
  /** Gives back all points. */
  reset(limit: RateLimit, key: string): Promise<void>;
}
