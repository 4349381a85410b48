/** Turns passwords into PHC strings and back into yes or no. Rejects with `unavailable` when too much work waits. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(password: string, hash: string): Promise<boolean>;
  /** The same work as a `verify` that answers no, for accounts that do not exist: the time must not tell. */
  verifyNothing(password: string): Promise<false>;
}
