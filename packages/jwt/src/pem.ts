import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { type AsymmetricAlgorithm, isJwtAlgorithm, type JwtAlgorithm } from "./algorithms.ts";
import { bindPrivateKey, bindPublicKey, getAsymmetricAlgorithm } from "./asymmetric-key.ts";
import { publicMembersOf, type Jwk } from "./jwk.ts";
import { wrapOpenSsl } from "./jwk-import.ts";
import { JwtError } from "./jwt-error.ts";
import { getSigningMaterial, getVerificationMaterial, type SigningKey, type VerificationKey } from "./key.ts";

export interface PemImportOptions {
  /** A PEM never says which algorithm its key is for. */
  readonly alg: JwtAlgorithm;
  readonly kid?: string | undefined;
}

/**
 * A private key from unencrypted PEM (PKCS #8, PKCS #1 or SEC 1).
 *
 * @throws JwtError `invalid_key`, `weak_key`
 */
export function importSigningPem(pem: string, options: PemImportOptions): SigningKey {
  const row = rowOf(options);
  const privateKey = wrapOpenSsl(() => createPrivateKey({ key: assertText(pem), format: "pem" }));
  assertFits(createPublicKey(privateKey), row);
  return bindPrivateKey({ alg: options.alg, kid: options.kid }, privateKey);
}

/**
 * A public key from PEM (`PUBLIC KEY`, SPKI). Private keys and certificates are refused.
 *
 * @throws JwtError `invalid_key`, `weak_key`
 */
export function importVerificationPem(pem: string, options: PemImportOptions): VerificationKey {
  const row = rowOf(options);
  // OpenSSL would take a private key or a certificate just as well, and keep quiet about it.
  const body = /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/.exec(
    assertText(pem),
  )?.[1];
  if (body === undefined)
    throw new JwtError("invalid_key", "Expected one PEM block of type PUBLIC KEY, and nothing else.");
  const key = Buffer.from(body, "base64");
  const publicKey = wrapOpenSsl(() => createPublicKey({ key, format: "der", type: "spki" }));
  assertFits(publicKey, row);
  return bindPublicKey({ alg: options.alg, kid: options.kid }, publicKey);
}

/**
 * The private key as PKCS #8 PEM. Keep it secret, and encrypted at rest.
 *
 * @throws JwtError `invalid_key` for a secret, which has no PEM form
 */
export function exportPrivatePem(key: SigningKey): string {
  const { keyObject } = getSigningMaterial(key);
  if (keyObject.type !== "private") throw new JwtError("invalid_key", "A secret has no PEM form.");
  return keyObject.export({ type: "pkcs8", format: "pem" }).toString();
}

/**
 * The public key as SPKI PEM.
 *
 * @throws JwtError `invalid_key` for a secret, which has no public half
 */
export function exportPublicPem(key: SigningKey | VerificationKey): string {
  return getPublicKey(key).export({ type: "spki", format: "pem" }).toString();
}

export function getPublicKey(key: SigningKey | VerificationKey): KeyObject {
  const verificationKey = key.type === "signing" ? getSigningMaterial(key).verificationKey : key;
  const { publicKey } = getVerificationMaterial(verificationKey);
  if (publicKey === undefined) throw new JwtError("invalid_key", "A secret has no public half: never publish it.");
  return publicKey;
}

function rowOf(options: PemImportOptions): AsymmetricAlgorithm {
  if (!isJwtAlgorithm(options.alg))
    throw new JwtError("invalid_key", "Say in the options which algorithm the key is for.");
  return getAsymmetricAlgorithm(options.alg);
}

function assertText(pem: unknown): string {
  if (typeof pem !== "string") throw new JwtError("invalid_key", "A PEM is text.");
  return pem;
}

function assertFits(publicKey: KeyObject, row: AsymmetricAlgorithm): void {
  if (publicKey.asymmetricKeyType === "rsa-pss") {
    throw new JwtError(
      "invalid_key",
      "Give the key as plain RSA (rsaEncryption): its parameters follow from the algorithm.",
    );
  }
  publicMembersOf(wrapOpenSsl(() => publicKey.export({ format: "jwk" })) as Jwk, row);
}
