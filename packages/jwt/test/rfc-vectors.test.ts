import { describe, expect, test } from "vitest";
import {
  importSigningJwk,
  importVerificationJwk,
  type Jwk,
  jwkThumbprint,
  type JwtAlgorithm,
  signJws,
  verificationKeyOf,
  verifyJws,
} from "@latchkey/jwt";
import { refusalOf } from "./refusal.ts";
import { readVectors, skipVectors } from "./vectors.ts";

interface RfcVectors {
  readonly jws: readonly {
    readonly id: string;
    readonly source: string;
    readonly jwk: Jwk;
    readonly jws: string;
    readonly result: "valid" | "invalid";
  }[];
  readonly thumbprints: readonly { readonly id: string; readonly jwk: Jwk; readonly thumbprint: string }[];
}

function importAny(jwk: Jwk, alg: JwtAlgorithm) {
  return jwk.kty === "oct" ? verificationKeyOf(importSigningJwk(jwk, { alg })) : importVerificationJwk(jwk, { alg });
}

test.skipIf(skipVectors)("the examples of RFC 7515 and RFC 8037 verify, and the unsecured one does not", () => {
  const { jws } = readVectors("rfc/rfc-vectors.json") as RfcVectors;
  expect(jws.length).toBeGreaterThan(3);
  for (const vector of jws) {
    const inHeader = (
      JSON.parse(Buffer.from(vector.jws.split(".")[0] ?? "", "base64url").toString()) as { alg: string }
    ).alg;
    const alg = inHeader === "none" ? "HS256" : (inHeader as JwtAlgorithm);
    const refusal = refusalOf(() => verifyJws(vector.jws, importAny(vector.jwk, alg)));
    expect(refusal, vector.id).toBe(vector.result === "valid" ? undefined : "unsupported_algorithm");
  }
});

test.skipIf(skipVectors)("K-10: thumbprints are those of RFC 7638 §3.1 and RFC 8037 A.3", () => {
  const { thumbprints } = readVectors("rfc/rfc-vectors.json") as RfcVectors;
  expect(thumbprints.length).toBeGreaterThan(1);
  for (const { jwk, thumbprint } of thumbprints) {
    expect(jwkThumbprint(jwk)).toBe(thumbprint);
    expect(jwkThumbprint({ ...jwk, kid: "x", alg: "y", d: "z" })).toBe(thumbprint);
  }
});

interface CookbookVector {
  readonly input: { readonly payload: string; readonly key: Jwk; readonly alg: JwtAlgorithm };
  readonly output: { readonly compact?: string };
  readonly reproducible?: boolean;
}

describe("RFC 7520", () => {
  const files = [
    ["jws/4_1.rsa_v15_signature.json", true],
    ["jws/4_2.rsa-pss_signature.json", false],
    ["jws/4_3.ecdsa_signature.json", false],
    ["jws/4_4.hmac-sha2_integrity_protection.json", true],
    ["curve25519/jws.json", true],
  ] as const;
  for (const [file, isDeterministic] of files) {
    test.skipIf(skipVectors)(`${file}: verifies, and is made again`, () => {
      const { input, output } = readVectors(`cookbook/${file}`) as CookbookVector;
      const { alg } = input;
      const compact = output.compact ?? "";
      const signingKey = importSigningJwk({ ...input.key, alg });
      const { payload } = verifyJws(compact, verificationKeyOf(signingKey));
      expect(Buffer.from(payload).toString()).toBe(input.payload);
      const again = signJws(payload, signingKey);
      expect(verifyJws(again, verificationKeyOf(signingKey)).payload).toEqual(payload);
      expect(again === compact).toBe(isDeterministic);
    });
  }

  test.skipIf(skipVectors)("4.5 and RFC 7797: detached and unencoded payloads are refused", () => {
    const detached = readVectors("cookbook/jws/4_5.signature_with_detached_content.json") as {
      output: { compact: string };
      input: { key: Jwk };
    };
    const detachedKey = verificationKeyOf(importSigningJwk({ ...detached.input.key, alg: "HS256" }));
    expect(refusalOf(() => verifyJws(detached.output.compact, detachedKey))).toBe("invalid_signature");
    const unencoded = readVectors("cookbook/rfc7797/4.2.hmac-sha2_b64_false.json") as {
      output: { compact?: string; json_flat?: { protected: string; signature: string } };
    };
    const { protected: header, signature } = unencoded.output.json_flat ?? { protected: "", signature: "" };
    expect(refusalOf(() => verifyJws(`${header}..${signature}`, detachedKey))).toBe("unsupported_header");
  });
});

test("RFC 7515 A.1 is signed again octet for octet", () => {
  const key = importSigningJwk({
    kty: "oct",
    alg: "HS256",
    k: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
  });
  const signed = signJws(
    Buffer.from('{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'),
    key,
  );
  expect(signed.split(".")[1]).toBe(
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
  );
});
