/** What a stored key is for: signing access tokens, or the secret behind refresh and CSRF tokens. */
export type KeyPurpose = "access-token" | "refresh-token";

export interface StoredKey {
  readonly kid: string;
  readonly purpose: KeyPurpose;
  readonly alg: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** The private key or secret, sealed under the master secret; useless without it. */
  readonly sealed: string;
}

export interface KeyStore {
  listKeys(purpose: KeyPurpose): Promise<readonly StoredKey[]>;

  /**
   * Keeps this key if there is none of its purpose yet, and answers the one that is there: however many nodes start at
   * once on an empty store, they agree on one key.
   */
  createFirstKey(key: StoredKey): Promise<StoredKey>;
}
