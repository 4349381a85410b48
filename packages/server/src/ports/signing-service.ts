import type { Jwk, JwtAlgorithm } from "@latchkey/jwt";

/**
 * A service or device (KMS, HSM) that makes key pairs, signs with them, and gives no private key away. Access tokens and
 * whatever else anybody can check is signed there; each signature is checked here before it is used.
 */
export interface SigningService {
  /** The same on every node and for ever: stored keys say by it where they are. Nothing secret. */
  readonly name: string;
  /** @throws KeyServiceError */
  createKey(alg: JwtAlgorithm): Promise<ServiceKey>;
  /**
   * A signature in the form of JWS (RFC 7518 §3): for ECDSA r ‖ s, for RSA and EdDSA as it is.
   *
   * @throws KeyServiceError
   */
  sign(reference: string, alg: JwtAlgorithm, input: Uint8Array): Promise<Uint8Array>;
  /**
   * Several nodes may ask, and some late: what is no more is no error.
   *
   * @throws KeyServiceError
   */
  destroyKey(reference: string): Promise<void>;
}

export interface ServiceKey {
  /** What the service knows it by. Nothing secret. */
  readonly reference: string;
  /** Without `kid`, `alg` and `use`. */
  readonly publicJwk: Jwk;
}
