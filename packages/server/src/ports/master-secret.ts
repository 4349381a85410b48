import type { SealContext } from "./key-sealer.ts";

/** Where a master secret is kept. It is read once, when the authority starts, and held in memory from then on. */
export interface SecretProvider {
  /** For messages: what it is and where, and nothing secret. */
  readonly name: string;
  /**
   * At least 32 random bytes, or their base64url or base64 text.
   *
   * @throws ConfigurationError, KeyServiceError in one sentence that says how to mend it, and holds nothing secret
   */
  read(): Promise<string | Uint8Array>;
}

/**
 * A key service (KMS) whose key never leaves it. Each key in the store is sealed under a data key of its own, which is
 * stored beside it, wrapped by the service.
 */
export interface KeyWrapper {
  /** The same on every node and for ever: sealed keys say by it what opens them. Nothing secret. */
  readonly name: string;
  /** @throws KeyServiceError */
  wrap(dataKey: Uint8Array, context: SealContext): Promise<Uint8Array>;
  /** @throws KeyServiceError */
  unwrap(wrapped: Uint8Array, context: SealContext): Promise<Uint8Array>;
}

export type MasterSecret = string | Uint8Array | SecretProvider | KeyWrapper;
