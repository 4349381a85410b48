/** Seals keys for the store, so that a copy of the database alone signs and refreshes nothing. */
export interface KeySealer {
  /** @throws KeyServiceError where a key service is needed and cannot be asked */
  seal(plaintext: Uint8Array, context: SealContext): Promise<string>;
  /**
   * Fails with a `ConfigurationError` when the master secret is another one or the sealed text was changed.
   *
   * @throws KeyServiceError where a key service is needed and cannot be asked
   */
  open(sealed: string, context: SealContext): Promise<Uint8Array>;
  /** Whether this was sealed in the present form, under the master secret that seals now. */
  isCurrent(sealed: string): boolean;
}

/** Bound to the ciphertext as associated data: a sealed key cannot be moved to another name, purpose or algorithm. */
export interface SealContext {
  readonly purpose: string;
  readonly kid: string;
  readonly alg: string;
}
