/** Knows which passwords have been seen in breaches. */
export interface PasswordScreening {
  /**
   * Must neither keep the password nor hand it, or anything it can be guessed from, to anybody.
   *
   * @throws any error where it cannot be told
   */
  isBreached(password: string): Promise<boolean>;
}
