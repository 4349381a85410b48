import { describe, expect, test } from "vitest";
import {
  createJwtVerifier,
  exportPrivateJwk,
  exportPrivatePem,
  exportPublicJwk,
  exportPublicPem,
  generateSigningKey,
  importJwkSet,
  importSigningJwk,
  importSigningPem,
  importVerificationJwk,
  importVerificationPem,
  type JwtAlgorithm,
  jwkThumbprint,
  signJwt,
  verificationKeyOf,
} from "@latchkey/jwt";
import { now, standardClaims, standardRules } from "./standard-token.ts";

const asymmetric = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;
const all: readonly JwtAlgorithm[] = ["HS256", "HS384", "HS512", ...asymmetric];

describe.each(all)("%s", (alg) => {
  test("K-11: a token signed with a key is accepted by the verifier of that key, claims unchanged", () => {
    const key = generateSigningKey(alg, { kid: "k1" });
    const token = signJwt(standardClaims, key, { typ: "at+jwt" });
    const verified = createJwtVerifier({ ...standardRules, keys: verificationKeyOf(key) })(token);
    expect(verified.claims).toEqual(standardClaims);
    expect(verified.header).toEqual({ alg, typ: "at+jwt", kid: "k1" });
  });

  test("a private key survives the way through its JWK", () => {
    const key = generateSigningKey(alg, { kid: "k1" });
    const copy = importSigningJwk(exportPrivateJwk(key));
    const token = signJwt(standardClaims, copy, { typ: "at+jwt" });
    expect(createJwtVerifier({ ...standardRules, keys: verificationKeyOf(key) })(token).claims.sub).toBe("user_1");
  });
});

describe.each(asymmetric)("%s", (alg) => {
  test("a public key survives the way through JWK, PEM and a key set", () => {
    const key = generateSigningKey(alg);
    const token = signJwt(standardClaims, key, { typ: "at+jwt" });
    const copies = [
      importVerificationJwk(exportPublicJwk(key)),
      importVerificationPem(exportPublicPem(key), { alg, kid: key.kid }),
      ...importJwkSet({ keys: [exportPublicJwk(verificationKeyOf(key))] }),
    ];
    expect(copies).toHaveLength(3);
    for (const keys of copies) {
      expect(createJwtVerifier({ ...standardRules, keys })(token).header.kid).toBe(key.kid);
    }
  });

  test("a private key survives the way through PEM", () => {
    const key = generateSigningKey(alg);
    const copy = importSigningPem(exportPrivatePem(key), { alg, kid: key.kid });
    const token = signJwt(standardClaims, copy, { typ: "at+jwt" });
    expect(createJwtVerifier({ ...standardRules, keys: verificationKeyOf(key) })(token).claims.iat).toBe(now);
  });

  test("the kid of a new key is its RFC 7638 thumbprint, and its public JWK says what it is for", () => {
    const key = generateSigningKey(alg);
    const jwk = exportPublicJwk(key);
    expect(key.kid).toBe(jwkThumbprint(jwk));
    expect(jwk).toMatchObject({ kid: key.kid, alg, use: "sig" });
    expect(Object.keys(jwk)).not.toContain("d");
  });
});
