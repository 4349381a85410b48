import { expect, test } from "vitest";
import {
  exportPrivateJwk,
  exportPublicJwk,
  generateSigningKey,
  importJwkSet,
  importVerificationJwk,
  type Jwk,
} from "@latchkey/jwt";
import { refusalOf } from "./refusal.ts";

const one = exportPublicJwk(generateSigningKey("ES256", { kid: "one" }));
const two = exportPublicJwk(generateSigningKey("RS256", { kid: "two" }));

function importKeys(...keys: readonly unknown[]) {
  return importJwkSet({ keys });
}

test("K-01 D-03: a set that holds a private key or a secret is refused", () => {
  const privateRsa = exportPrivateJwk(generateSigningKey("RS256"));
  const leaked: readonly object[] = [
    exportPrivateJwk(generateSigningKey("ES256")),
    privateRsa,
    exportPrivateJwk(generateSigningKey("EdDSA")),
    exportPrivateJwk(generateSigningKey("HS256", { kid: "s" })),
    ...["p", "q", "dp", "dq", "qi"].map((member) => ({ ...two, [member]: privateRsa[member] })),
    { kty: "AKP", alg: "ML-DSA-44", kid: "pq", pub: "AA", priv: "AA" },
  ];
  for (const key of leaked) {
    expect(refusalOf(() => importKeys(one, key))).toBe("invalid_key");
    expect(refusalOf(() => importVerificationJwk(key as Jwk))).toBe("invalid_key");
  }
});

test("K-02: every published key says what it is for, and a usable key without kid is refused", () => {
  for (const jwk of [one, two])
    expect(jwk).toMatchObject({ use: "sig", kid: expect.any(String), alg: expect.any(String) });
  const { kid: _kid, ...nameless } = one;
  expect(refusalOf(() => importKeys(nameless))).toBe("invalid_key");
  expect(refusalOf(() => importKeys({ ...one, kid: 5 }))).toBe("invalid_key");
});

test("K-05: entries of unknown kty, crv or alg, or for another use, are ignored and the others kept", () => {
  const others = [
    { kty: "AKP", alg: "ML-DSA-44", kid: "pq", pub: "AA" },
    { kty: "EC", crv: "secp256k1", kid: "k", x: "AA", y: "AA" },
    { kty: "OKP", crv: "Ed448", kid: "e", x: "AA", alg: "EdDSA" },
    { ...two, kid: "enc", use: "enc", alg: "RSA-OAEP" },
    { ...two, kid: "enc2", alg: "RSA-OAEP-256", use: undefined },
    { ...one, kid: "derive", use: undefined, alg: undefined, key_ops: ["deriveKey"] },
    { kid: "nothing" },
  ];
  expect(importKeys(...others, one, two).map((key) => key.kid)).toEqual(["one", "two"]);
  expect(importKeys()).toEqual([]);
});

test("an RSA key without alg is ignored, or bound as the application says", () => {
  const { alg: _alg, ...jwk } = two;
  expect(importKeys(jwk)).toEqual([]);
  expect(importJwkSet({ keys: [jwk] }, { rsaAlg: "RS256" }).map(({ alg, kid }) => [alg, kid])).toEqual([
    ["RS256", "two"],
  ]);
});

test("K-06 D-03: two different keys of one kid are refused, the same key twice is one", () => {
  const other = exportPublicJwk(generateSigningKey("ES256", { kid: "one" }));
  expect(refusalOf(() => importKeys(one, other))).toBe("invalid_key");
  expect(refusalOf(() => importKeys(one, { ...two, kid: "one" }))).toBe("invalid_key");
  expect(importKeys(one, one, two)).toHaveLength(2);
});

test("K-06: a weak or damaged key makes the whole set refused", () => {
  expect(refusalOf(() => importKeys(one, { ...two, e: "AQ" }))).toBe("weak_key");
  expect(refusalOf(() => importKeys(one, { ...two, n: "AAAA" }))).toBe("invalid_key");
  expect(refusalOf(() => importKeys({ ...one, x: one.y }))).toBe("invalid_key");
  expect(refusalOf(() => importKeys({ ...one, x: `${String(one.x)}=` }))).toBe("invalid_key");
  expect(refusalOf(() => importKeys({ ...one, x: `AA${String(one.x)}` }))).toBe("invalid_key");
  expect(refusalOf(() => importKeys({ ...one, alg: "ES384" }))).toBe("invalid_key");
  expect(refusalOf(() => importKeys({ ...two, n: `AA${String(two.n)}` }))).toBe("invalid_key");
});

test("D-03: what is no key set, or holds more than 100 keys, is refused", () => {
  for (const set of [
    null,
    undefined,
    [],
    "{}",
    {},
    { keys: {} },
    { keys: "x" },
    { keys: [5] },
    { keys: [null] },
    { keys: [[one]] },
  ]) {
    expect(refusalOf(() => importJwkSet(set))).toBe("invalid_key");
  }
  const many = Array.from({ length: 101 }, (_, number) => ({ kty: "AKP", kid: String(number) }));
  expect(refusalOf(() => importJwkSet({ keys: many }))).toBe("invalid_key");
  expect(importJwkSet({ keys: many.slice(1) })).toEqual([]);
});

test("a JWK for encryption is refused as a single key", () => {
  expect(refusalOf(() => importVerificationJwk({ ...one, use: "enc" }))).toBe("invalid_key");
  expect(refusalOf(() => importVerificationJwk({ ...one, key_ops: ["sign"] }))).toBe("invalid_key");
  expect(refusalOf(() => importVerificationJwk(JSON.stringify(one) as unknown as Jwk))).toBe("invalid_key");
});
