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

export interface PointCount {
  readonly taken: number;
  /** How long the window is still; all of it, where none has been taken. */
  readonly secondsLeft: number;
}

/** Counts, for all nodes that share it. Every verb is one atomic step, and rejects where it cannot count. */
export interface RateLimiter {
  /**
   * Takes a point, or, where there is none left, answers in how many seconds there will be. The window of the first point
   * is the one given with it; the same name may come with another the next time.
   *
   * @param key of a bounded number of keys, and never a secret or an address itself: see `createBucketOf`
   */
  take(limit: RateLimit, key: string): Promise<TakenPoint | number>;
  /** What has been taken, without taking any; past the limit it may be more than the points there are. */
  count(limit: RateLimit, key: string): Promise<PointCount>;
  /** Gives back all points. */
  reset(limit: RateLimit, key: string): Promise<void>;
}
