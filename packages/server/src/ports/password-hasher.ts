/** Turns passwords into PHC strings and back into yes or no. Rejects with `unavailable` when too much work waits. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(password: string, hash: string): Promise<boolean>;
  /**
   * Whether the hash is of another kind or other costs than `hash` makes now, and is to be replaced when the password is
   * known next. Without this verb no hash ever is.
   */
  needsRehash?(hash: string): boolean;
  /** The same work as a `verify` that answers no, for accounts that do not exist: the time must not tell. */
  verifyNothing(password: string): Promise<false>;
}
