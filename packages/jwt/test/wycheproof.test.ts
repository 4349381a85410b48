import { expect, test } from "vitest";
import {
  importJwkSet,
  importSigningJwk,
  importVerificationJwk,
  type Jwk,
  type JwkSet,
  type VerificationKey,
  verificationKeyOf,
  verifyJws,
} from "@latchkey/jwt";
import { refusalOf } from "./refusal.ts";
import { readVectors, skipVectors } from "./vectors.ts";

interface Group {
  readonly private: Jwk | JwkSet;
  readonly public?: Jwk | JwkSet;
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly jws?: string;
    readonly jwe?: string;
    readonly result: "valid" | "invalid";
  }[];
}

type Exceptions = Readonly<Record<string, Readonly<Record<number, string>>>>;

/** Where Wycheproof says valid and a newer or stricter rule says no. */
const stricter: Exceptions = {
  "json_web_signature_test.json": {
    346: "the JWK is for PS256, the token is signed with PS384: one key, one algorithm (RFC 8725 §3.1)",
    350: "the JWK is for PS256, the token is signed with PS384: one key, one algorithm (RFC 8725 §3.1)",
    347: 'the JWK names "ES521", which is no registered algorithm (RFC 7518 §3.1: ES512)',
    351: 'the JWK names "ES521", which is no registered algorithm (RFC 7518 §3.1: ES512)',
    372: "a character outside the alphabet in the header (RFC 7515 §2, RFC 4648 §3.3)",
    373: "a character outside the alphabet in the payload (RFC 7515 §2, RFC 4648 §3.3)",
  },
  "json_web_key_test.json": {},
  "json_web_crypto_test.json": {},
};

/** Where the file contradicts itself. */
const contradictions: Exceptions = {
  "json_web_signature_test.json": {
    367: "octet for octet the token of test 357, which is valid: its padding is not in the file",
    370: "octet for octet the token of test 357, which is valid: its padding is not in the file",
  },
};

function importKeys(group: Group): VerificationKey | readonly VerificationKey[] {
  const keys = group.public ?? group.private;
  if (!isSet(keys)) return keys.kty === "oct" ? importSecret(keys) : importVerificationJwk(keys);
  // Several secrets of one verifier; anything else is a published set.
  const onlySecrets = keys.keys.every((key) => key.kty === "oct");
  return onlySecrets ? keys.keys.map(importSecret) : importJwkSet(keys);
}

function importSecret(jwk: Jwk): VerificationKey {
  return verificationKeyOf(importSigningJwk(jwk));
}

function isSet(keys: Jwk | JwkSet): keys is JwkSet {
  return "keys" in keys;
}

for (const file of Object.keys(stricter)) {
  test.skipIf(skipVectors)(
    `${file}: every verdict on a JWS is Wycheproof's, but for those a newer rule makes stricter`,
    () => {
      const verdicts: Record<string, string> = {};
      const expected: Record<string, string> = {};
      for (const group of (readVectors(`wycheproof/${file}`) as { testGroups: readonly Group[] }).testGroups) {
        for (const { tcId, comment, jws, result } of group.tests) {
          if (jws === undefined) continue;
          const name = `${tcId} ${comment}`;
          const refusal = refusalOf(() => verifyJws(jws, importKeys(group), { maxTokenBytes: 65_536 }));
          verdicts[name] = refusal === undefined ? "valid" : "invalid";
          const stricterVerdict = stricter[file]?.[tcId] === undefined ? result : "invalid";
          expected[name] = contradictions[file]?.[tcId] === undefined ? stricterVerdict : "valid";
        }
      }
      expect(Object.keys(verdicts).length).toBeGreaterThan(20);
      expect(verdicts).toEqual(expected);
    },
  );
}

test.skipIf(skipVectors)(
  "A-17 A-26 J-16: every compact JWE of Wycheproof is refused before any key is looked for",
  () => {
    const key = verificationKeyOf(importSigningJwk({ kty: "oct", alg: "HS256", k: "A".repeat(43) }));
    const codes = new Map<string | undefined, number>();
    const { testGroups } = readVectors("wycheproof/json_web_encryption_test.json") as { testGroups: readonly Group[] };
    for (const { jwe } of testGroups.flatMap((group) => group.tests)) {
      if (jwe?.split(".").length !== 5) continue;
      const code = refusalOf(() => verifyJws(jwe, key, { maxTokenBytes: 65_536 }));
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    expect(codes.get(undefined)).toBeUndefined();
    expect(codes.get("unsupported_header")).toBeGreaterThan(80);
  },
);
