import type { AuthEvent } from "../domain/event.ts";
import type { KeyPurpose, KeyTimes } from "../domain/key-schedule.ts";

export interface SealedKey {
  readonly kid: string;
  readonly purpose: KeyPurpose;
  readonly alg: string;
  /** The private key or secret, sealed under the master secret; useless without it. Null once it is destroyed. */
  readonly sealed: string | null;
}

export type StoredKey = SealedKey & KeyTimes;

export interface KeyChange {
  /** Rows as they are to be: new ones, and those of the same `kid` in their place. */
  readonly put: readonly StoredKey[];
  /** Appended in the same step. */
  readonly events: readonly AuthEvent[];
}

export interface KeyStore {
  /** All there have been, by `createdAt` and then by `kid`. */
  listKeys(): Promise<readonly StoredKey[]>;

  /**
   * Reads all keys, decides, and writes, in one atomic step: whoever else changes keys, on whatever node, has done so
   * before and is seen, or waits and sees. Answers all keys as they then are.
   *
   * @param decide pure; `undefined` changes nothing
   */
  changeKeys(decide: (keys: readonly StoredKey[]) => KeyChange | undefined): Promise<readonly StoredKey[]>;
}
