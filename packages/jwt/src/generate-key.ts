import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { algorithms, type AsymmetricAlgorithm, isJwtAlgorithm, type JwtAlgorithm } from "./algorithms.ts";
import { bindPrivateKey } from "./asymmetric-key.ts";
import type { Jwk } from "./jwk.ts";
import { JwtError } from "./jwt-error.ts";
import type { SigningKey } from "./key.ts";
import { bindSecret } from "./secret-key.ts";
import { jwkThumbprint } from "./thumbprint.ts";

export interface GenerateKeyOptions {
  /** The key's name; the RFC 7638 thumbprint if left out (for a secret: no name). */
  readonly kid?: string | undefined;
}

/**
 * A new key: RSA of 2048 bits, the algorithm's curve, or a secret as long as the hash.
 *
 * @throws JwtError `invalid_key` for an unknown algorithm
 */
export function generateSigningKey(alg: JwtAlgorithm, options: GenerateKeyOptions = {}): SigningKey {
  if (!isJwtAlgorithm(alg)) throw new JwtError("invalid_key", "Unknown algorithm.");
  const row = algorithms[alg];
  if (row.family === "hmac") return bindSecret(randomBytes(row.hashBytes), alg, options.kid);
  const privateKey = generatePrivateKey(row);
  const kid = options.kid ?? jwkThumbprint(createPublicKey(privateKey).export({ format: "jwk" }) as Jwk);
  return bindPrivateKey({ alg, kid }, privateKey);
}

function generatePrivateKey(row: AsymmetricAlgorithm): KeyObject {
  if (row.kty === "EC") return generateKeyPairSync("ec", { namedCurve: row.namedCurve }).privateKey;
  if (row.kty === "OKP") return generateKeyPairSync("ed25519").privateKey;
  return generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 65_537 }).privateKey;
}
