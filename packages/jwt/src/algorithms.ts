/** The signature algorithms of RFC 7518 §3.1, RFC 8037 and RFC 9864 that this package speaks. `none` is not among them. */
export type JwtAlgorithm =
  | "HS256"
  | "HS384"
  | "HS512"
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "ES256"
  | "ES384"
  | "ES512"
  | "EdDSA"
  | "Ed25519";

export type HashName = "sha256" | "sha384" | "sha512";

export interface HmacAlgorithm {
  readonly family: "hmac";
  readonly kty: "oct";
  readonly hash: HashName;
  readonly hashBytes: number;
  readonly blockBytes: number;
}
export interface RsaAlgorithm {
  readonly family: "rsa" | "rsa-pss";
  readonly kty: "RSA";
  readonly hash: HashName;
  readonly hashBytes: number;
}
export interface EcdsaAlgorithm {
  readonly family: "ecdsa";
  readonly kty: "EC";
  readonly hash: HashName;
  readonly crv: "P-256" | "P-384" | "P-521";
  /** OpenSSL's name of the curve, as `asymmetricKeyDetails` gives it. */
  readonly namedCurve: "prime256v1" | "secp384r1" | "secp521r1";
  readonly coordinateBytes: number;
}
export interface EddsaAlgorithm {
  readonly family: "eddsa";
  readonly kty: "OKP";
  readonly crv: "Ed25519";
}
export type AsymmetricAlgorithm = RsaAlgorithm | EcdsaAlgorithm | EddsaAlgorithm;
export type AlgorithmRow = HmacAlgorithm | AsymmetricAlgorithm;

const eddsa = { family: "eddsa", kty: "OKP", crv: "Ed25519" } as const;

/** HMAC-SHA256, which is more than an `alg`: see mac.ts. */
export const HS256: HmacAlgorithm = { family: "hmac", kty: "oct", hash: "sha256", hashBytes: 32, blockBytes: 64 };

/** Everything there is to know about an `alg`. A key is bound to its row when it is imported; nothing later looks here. */
export const algorithms: Readonly<Record<JwtAlgorithm, AlgorithmRow>> = {
  HS256,
  HS384: { family: "hmac", kty: "oct", hash: "sha384", hashBytes: 48, blockBytes: 128 },
  HS512: { family: "hmac", kty: "oct", hash: "sha512", hashBytes: 64, blockBytes: 128 },
  RS256: { family: "rsa", kty: "RSA", hash: "sha256", hashBytes: 32 },
  RS384: { family: "rsa", kty: "RSA", hash: "sha384", hashBytes: 48 },
  RS512: { family: "rsa", kty: "RSA", hash: "sha512", hashBytes: 64 },
  PS256: { family: "rsa-pss", kty: "RSA", hash: "sha256", hashBytes: 32 },
  PS384: { family: "rsa-pss", kty: "RSA", hash: "sha384", hashBytes: 48 },
  PS512: { family: "rsa-pss", kty: "RSA", hash: "sha512", hashBytes: 64 },
  ES256: {
    family: "ecdsa",
    kty: "EC",
    hash: "sha256",
    crv: "P-256",
    namedCurve: "prime256v1",
    coordinateBytes: 32,
  },
  ES384: { family: "ecdsa", kty: "EC", hash: "sha384", crv: "P-384", namedCurve: "secp384r1", coordinateBytes: 48 },
  ES512: { family: "ecdsa", kty: "EC", hash: "sha512", crv: "P-521", namedCurve: "secp521r1", coordinateBytes: 66 },
  EdDSA: eddsa,
  Ed25519: eddsa,
};

/** Case-sensitive, own names only: `none`, `hs256` and `constructor` are no algorithms. */
export function isJwtAlgorithm(value: unknown): value is JwtAlgorithm {
  return typeof value === "string" && Object.hasOwn(algorithms, value);
}
