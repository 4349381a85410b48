/** Seals keys for the store, so that a copy of the database alone signs and refreshes nothing. */
export interface KeySealer {
  seal(plaintext: Uint8Array, context: SealContext): string | Promise<string>;
  /** Fails with a `ConfigurationError` when the master secret is another one or the sealed text was changed. */
  open(sealed: string, context: SealContext): Uint8Array | Promise<Uint8Array>;
}

/** Bound to the ciphertext as associated data: a sealed key cannot be moved to another name or purpose. */
export interface SealContext {
  readonly purpose: string;
  readonly kid: string;
}
