/** Turns passwords into PHC strings and back into yes or no. Rejects with `unavailable` when too much work waits. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  /** @param place one that `reserve` gave, in which nothing waits that was not let in */
  verify(password: string, hash: string, place?: HashingPlace): Promise<boolean>;
  /**
   * Takes one of the places there are for work that runs or waits, for what must be sure of it before it goes on: a guess
   * that is counted is checked. Without this verb nothing is sure before it is tried.
   *
   * @throws AuthError `unavailable`, at once, where there is none
   */
  reserve?(): HashingPlace;
  /**
   * Whether the hash is of another kind or other costs than `hash` makes now, and is to be replaced when the password is
   * known next. Without this verb no hash ever is.
   */
  needsRehash?(hash: string): boolean;
  /** The same work as a `verify` that answers no, for accounts that do not exist: the time must not tell. */
  verifyNothing(password: string, place?: HashingPlace): Promise<false>;
  /** How much is being done, and how much waits; for metrics. */
  readonly load?: { readonly running: number; readonly waiting: number };
}

export interface HashingPlace {
  /** More than once does no harm. */
  release(): void;
}
