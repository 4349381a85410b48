import { createPublicKey, type KeyObject } from "node:crypto";
import { type AsymmetricAlgorithm, algorithms, type JwtAlgorithm } from "./algorithms.ts";
import { createEcdsaSigner, createEcdsaVerifier } from "./ecdsa.ts";
import { createEd25519Signer, createEd25519Verifier } from "./eddsa.ts";
import { JwtError } from "./jwt-error.ts";
import {
  createSigningKey,
  createVerificationKey,
  getVerificationMaterial,
  type KeyName,
  type SigningKey,
  type VerificationKey,
} from "./key.ts";
import { createRsaSigner, createRsaVerifier } from "./rsa.ts";
import { toPssPrivateKey, toPssPublicKey } from "./rsa-pss-key.ts";
import type { SignatureSigner, SignatureVerifier } from "./signature.ts";
import { writeAscii } from "./workspace.ts";

export function getAsymmetricAlgorithm(alg: JwtAlgorithm): AsymmetricAlgorithm {
  const row = algorithms[alg];
  if (row.family === "hmac") {
    throw new JwtError("invalid_key", `${alg} takes a secret: use createSecretKey, or a JWK of type oct.`);
  }
  return row;
}

/** Binds a public key, whose members have been checked against the algorithm. */
export function bindPublicKey(name: KeyName, publicKey: KeyObject): VerificationKey {
  const verifier = createVerifier(getAsymmetricAlgorithm(name.alg), publicKey);
  return createVerificationKey(name, { verifier, publicKey });
}

/** Binds a private key, whose members have been checked, once its two halves are seen to belong together. */
export function bindPrivateKey(name: KeyName, privateKey: KeyObject): SigningKey {
  const verificationKey = bindPublicKey(name, createPublicKey(privateKey));
  const signer = createSigner(getAsymmetricAlgorithm(name.alg), privateKey);
  assertConsistent(signer, getVerificationMaterial(verificationKey).verifier);
  return createSigningKey(name, { signer, keyObject: privateKey, verificationKey });
}

function createVerifier(row: AsymmetricAlgorithm, publicKey: KeyObject): SignatureVerifier {
  if (row.family === "ecdsa") return createEcdsaVerifier(row, publicKey);
  if (row.family === "eddsa") return createEd25519Verifier(publicKey);
  return createRsaVerifier(row.hash, row.family === "rsa-pss" ? toPssPublicKey(publicKey, row) : publicKey);
}

function createSigner(row: AsymmetricAlgorithm, privateKey: KeyObject): SignatureSigner {
  if (row.family === "ecdsa") return createEcdsaSigner(row, privateKey);
  if (row.family === "eddsa") return createEd25519Signer(privateKey);
  return createRsaSigner(row.hash, row.family === "rsa-pss" ? toPssPrivateKey(privateKey, row) : privateKey);
}

/** A JWK may hold a `d` that does not belong to its public members: signatures would then fail far away from here. */
function assertConsistent(signer: SignatureSigner, verifier: SignatureVerifier): void {
  const probe = "pairwise-consistency";
  writeAscii(probe);
  if (!verifier.verify(`${probe}.${signer.sign(probe.length)}`, probe.length)) {
    throw new JwtError("invalid_key", "The private key does not belong to the public key.");
  }
}
