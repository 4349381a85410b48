import type { Jwk } from "./jwk.ts";
import { getSigningMaterial, type SigningKey, type VerificationKey } from "./key.ts";
import { getPublicKey } from "./pem.ts";

/**
 * The public key as a JWK for a key set: `{ kty, …, kid, alg, use: "sig" }`.
 *
 * @throws JwtError `invalid_key` for a secret, which has no public half
 */
export function exportPublicJwk(key: SigningKey | VerificationKey): Jwk {
  return label(getPublicKey(key).export({ format: "jwk" }) as Jwk, key);
}

/**
 * The private key or the secret as a JWK. Keep it secret, and encrypted at rest.
 *
 * @throws JwtError `invalid_key`
 */
export function exportPrivateJwk(key: SigningKey): Jwk {
  return label(getSigningMaterial(key).keyObject.export({ format: "jwk" }) as Jwk, key);
}

function label(jwk: Jwk, { kid, alg }: SigningKey | VerificationKey): Jwk {
  return { ...jwk, ...(kid !== undefined && { kid }), alg, use: "sig" };
}
