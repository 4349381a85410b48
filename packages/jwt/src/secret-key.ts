import { createSecretKey as createSecretKeyObject } from "node:crypto";
import { algorithms, type JwtAlgorithm } from "./algorithms.ts";
import { createHmac } from "./hmac.ts";
import { JwtError } from "./jwt-error.ts";
import { createSigningKey, createVerificationKey, type SigningKey } from "./key.ts";

export interface SecretKeyOptions {
  readonly alg: "HS256" | "HS384" | "HS512";
  readonly kid?: string | undefined;
}

/**
 * An HMAC key. The secret is random bytes, never a password and never text: a string is refused, so that no PEM or
 * JWK of a public key is ever taken for one.
 *
 * @param secret at least as long as the hash: 32, 48 or 64 bytes (RFC 7518 §3.2)
 * @throws JwtError `weak_key` for a shorter secret, `invalid_key` for anything but bytes
 */
export function createSecretKey(secret: Uint8Array, options: SecretKeyOptions): SigningKey {
  return bindSecret(secret, options.alg, options.kid);
}

export function bindSecret(secret: unknown, alg: JwtAlgorithm, kid: string | undefined): SigningKey {
  if (!(secret instanceof Uint8Array)) {
    throw new JwtError("invalid_key", "A secret is a Uint8Array of random bytes, never text or another key object.");
  }
  const row = Object.hasOwn(algorithms, alg) ? algorithms[alg] : undefined;
  if (row?.family !== "hmac") throw new JwtError("invalid_key", "A secret is bound to HS256, HS384 or HS512.");
  if (secret.length < row.hashBytes) {
    throw new JwtError("weak_key", `A secret for ${alg} is at least ${row.hashBytes} random bytes long.`);
  }
  const { verifier, signer } = createHmac(row, secret);
  const verificationKey = createVerificationKey({ alg, kid }, { verifier, publicKey: undefined });
  return createSigningKey({ alg, kid }, { signer, keyObject: createSecretKeyObject(secret), verificationKey });
}
