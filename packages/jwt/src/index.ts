export type { JwtAlgorithm } from "./algorithms.ts";
export type { Ed25519Names, KeySource } from "./authenticate.ts";
export type { JwtClaims } from "./claims.ts";
export { createDpopNonces, type DpopNonces, type DpopNoncesOptions } from "./dpop-nonce.ts";
export {
  createDpopProofVerifier,
  DPOP_ALGORITHMS,
  type DpopProofVerifierOptions,
  type DpopRequest,
  type VerifiedDpopProof,
} from "./dpop-proof.ts";
export { generateSigningKey, type GenerateKeyOptions } from "./generate-key.ts";
export type { JwtHeader } from "./header.ts";
export { decodeUnverifiedHeader, type VerifiedJws, verifyJws, type VerifyJwsOptions } from "./jws-verify.ts";
export { exportPrivateJwk, exportPublicJwk } from "./jwk-export.ts";
export { importSigningJwk, importVerificationJwk, type JwkImportOptions } from "./jwk-import.ts";
export { importJwkSet, type JwkSet, type JwkSetImportOptions } from "./jwk-set.ts";
export type { Jwk } from "./jwk.ts";
export { JwtError, type JwtErrorCode } from "./jwt-error.ts";
export { createJwtVerifier, type JwtVerifierOptions, type VerifiedJwt } from "./jwt-verifier.ts";
export { type SigningKey, type VerificationKey, verificationKeyOf } from "./key.ts";
export { createMac } from "./mac.ts";
export {
  exportPrivatePem,
  exportPublicPem,
  importSigningPem,
  importVerificationPem,
  type PemImportOptions,
} from "./pem.ts";
export { createSecretKey, type SecretKeyOptions } from "./secret-key.ts";
export { signJws, type SignJwsOptions, signJwt, type SignJwtOptions } from "./sign.ts";
export { signJwtPooled } from "./sign-pooled.ts";
export { type RemoteSigner, signJwtRemotely } from "./sign-remotely.ts";
export { jwkThumbprint } from "./thumbprint.ts";
export type { TokenCacheOptions } from "./verified-token-cache.ts";
