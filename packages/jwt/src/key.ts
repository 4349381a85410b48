import type { KeyObject } from "node:crypto";
import type { JwtAlgorithm } from "./algorithms.ts";
import { JwtError } from "./jwt-error.ts";
import type { SignatureSigner, SignatureVerifier } from "./signature.ts";

/**
 * A private key or a secret, bound to one algorithm when it was made. It is opaque: neither `inspect` nor `JSON.stringify`
 * nor a debugger's view of the object shows key material, and a copy of it is not a key.
 */
export interface SigningKey {
  readonly type: "signing";
  readonly alg: JwtAlgorithm;
  readonly kid: string | undefined;
}

/** A public key, or a secret in its verifying role, bound to one algorithm when it was made. Opaque like `SigningKey`. */
export interface VerificationKey {
  readonly type: "verification";
  readonly alg: JwtAlgorithm;
  readonly kid: string | undefined;
}

export interface VerificationMaterial {
  readonly verifier: SignatureVerifier;
  /** Undefined for a secret, which has no public half. */
  readonly publicKey: KeyObject | undefined;
}

export interface SigningMaterial {
  readonly signer: SignatureSigner;
  /** The private key, or the secret. */
  readonly keyObject: KeyObject;
  readonly verificationKey: VerificationKey;
}

export interface KeyName {
  readonly alg: JwtAlgorithm;
  readonly kid: string | undefined;
}

// The material is reached through the identity of the object only, so it cannot be forged, cloned or printed.
const verificationMaterials = new WeakMap<object, VerificationMaterial>();
const signingMaterials = new WeakMap<object, SigningMaterial>();

export const maxKidLength = 256;

export function createVerificationKey({ alg, kid }: KeyName, material: VerificationMaterial): VerificationKey {
  assertKid(kid);
  const key = Object.freeze({ type: "verification", alg, kid } as const);
  verificationMaterials.set(key, material);
  return key;
}

export function createSigningKey({ alg, kid }: KeyName, material: SigningMaterial): SigningKey {
  assertKid(kid);
  const key = Object.freeze({ type: "signing", alg, kid } as const);
  signingMaterials.set(key, material);
  return key;
}

/** Throws `invalid_key` for anything but a key of this package. */
export function getVerificationMaterial(key: VerificationKey): VerificationMaterial {
  const material = verificationMaterials.get(key);
  if (material === undefined) {
    throw new JwtError("invalid_key", "Expected a VerificationKey: import one, or take verificationKeyOf(signingKey).");
  }
  return material;
}

/** Throws `invalid_key` for anything but a key of this package. */
export function getSigningMaterial(key: SigningKey): SigningMaterial {
  const material = signingMaterials.get(key);
  if (material === undefined) {
    throw new JwtError("invalid_key", "Expected a SigningKey: generate or import one.");
  }
  return material;
}

/**
 * The key that verifies what `key` signs: its public half, or the secret in its verifying role.
 *
 * @throws JwtError `invalid_key`
 */
export function verificationKeyOf(key: SigningKey): VerificationKey {
  return getSigningMaterial(key).verificationKey;
}

function assertKid(kid: unknown): void {
  if (kid === undefined) return;
  if (typeof kid !== "string" || kid.length === 0 || kid.length > maxKidLength) {
    throw new JwtError("invalid_key", `A kid is a string of 1 to ${maxKidLength} characters.`);
  }
}
