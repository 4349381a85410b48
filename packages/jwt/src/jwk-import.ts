import { createPrivateKey, createPublicKey } from "node:crypto";
import { algorithms, isJwtAlgorithm, type JwtAlgorithm } from "./algorithms.ts";
import { bindPrivateKey, bindPublicKey, getAsymmetricAlgorithm } from "./asymmetric-key.ts";
import { assertSignatureJwk, getOctets, type Jwk, privateMembers, privateMembersOf, publicMembersOf } from "./jwk.ts";
import { JwtError } from "./jwt-error.ts";
import type { SigningKey, VerificationKey } from "./key.ts";
import { bindSecret } from "./secret-key.ts";

export interface JwkImportOptions {
  /** The algorithm to bind the key to, where the JWK does not say it. Where it does, it must say the same. */
  readonly alg?: JwtAlgorithm | undefined;
  /** The key's name, where the JWK gives none or another one is wanted. */
  readonly kid?: string | undefined;
}

/**
 * A private key, or a secret (`kty: "oct"`), from a JWK (RFC 7517, RFC 7518 §6, RFC 8037 §2).
 *
 * The algorithm comes from `alg` of the JWK or of the options; for EC and OKP keys the curve says it.
 * `use` and `key_ops`, where present, must allow signatures.
 *
 * @throws JwtError `invalid_key`; `weak_key` for keys no one should trust (see README)
 */
export function importSigningJwk(jwk: Jwk, options: JwkImportOptions = {}): SigningKey {
  assertSignatureJwk(jwk, "sign");
  const alg = algorithmOf(jwk, options.alg);
  const kid = options.kid ?? jwk.kid;
  if (algorithms[alg].family === "hmac") {
    if (jwk.kty !== "oct") throw new JwtError("invalid_key", `${alg} takes a JWK of type oct.`);
    return bindSecret(getOctets(jwk, "k"), alg, kid);
  }
  const row = getAsymmetricAlgorithm(alg);
  const publicMembers = publicMembersOf(jwk, row);
  const members = { ...publicMembers, ...privateMembersOf(jwk, row) };
  const privateKey = wrapOpenSsl(() => createPrivateKey({ key: members, format: "jwk" }));
  // Where it can, OpenSSL computes the public half and ignores what the JWK says of it.
  const derived = createPublicKey(privateKey).export({ format: "jwk" });
  if (Object.entries(publicMembers).some(([member, value]) => derived[member] !== value)) {
    throw new JwtError("invalid_key", "The private key does not belong to the public key.");
  }
  return bindPrivateKey({ alg, kid }, privateKey);
}

/**
 * A public key from a JWK. A JWK with private members is refused: who only verifies must not hold them.
 *
 * @throws JwtError `invalid_key`; `weak_key` for keys no one should trust (see README)
 */
export function importVerificationJwk(jwk: Jwk, options: JwkImportOptions = {}): VerificationKey {
  assertSignatureJwk(jwk, "verify");
  const secretMember = privateMembers.find((member) => Object.hasOwn(jwk, member));
  if (secretMember !== undefined) {
    throw new JwtError("invalid_key", `The JWK holds the private member "${secretMember}": publish only public keys.`);
  }
  const alg = algorithmOf(jwk, options.alg);
  const members = publicMembersOf(jwk, getAsymmetricAlgorithm(alg));
  const publicKey = wrapOpenSsl(() => createPublicKey({ key: members, format: "jwk" }));
  return bindPublicKey({ alg, kid: options.kid ?? jwk.kid }, publicKey);
}

const algorithmOfCurve: ReadonlyMap<string, JwtAlgorithm> = new Map([
  ["P-256", "ES256"],
  ["P-384", "ES384"],
  ["P-521", "ES512"],
  ["Ed25519", "EdDSA"],
]);

function algorithmOf(jwk: Jwk, wanted: JwtAlgorithm | undefined): JwtAlgorithm {
  if (wanted !== undefined && !isJwtAlgorithm(wanted))
    throw new JwtError("invalid_key", "Unknown algorithm in options.");
  if (jwk.alg === undefined) {
    const alg = wanted ?? algorithmOfCurve.get(jwk.crv ?? "");
    if (alg === undefined) {
      throw new JwtError("invalid_key", "The JWK has no alg: say in the options which algorithm the key is for.");
    }
    return alg;
  }
  if (!isJwtAlgorithm(jwk.alg))
    throw new JwtError("invalid_key", "The alg of the JWK is no signature algorithm known here.");
  if (wanted !== undefined && wanted !== jwk.alg) {
    throw new JwtError("invalid_key", `The JWK is for ${jwk.alg}, not for ${wanted}: one key serves one algorithm.`);
  }
  return jwk.alg;
}

/** What OpenSSL says about bad key material is no help to the caller, and may quote it. */
export function wrapOpenSsl<T>(operation: () => T): T {
  try {
    return operation();
  } catch {
    throw new JwtError("invalid_key", "OpenSSL refuses the key: it is damaged, encrypted or not on its curve.");
  }
}
