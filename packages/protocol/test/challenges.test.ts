import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  BOUND_TOKEN_DETAIL,
  ERRORS,
  formatChallenge,
  parseAuthorization,
  parseChallengeCode,
  statusAtResource,
} from "../src/index.ts";

describe("the Authorization header", () => {
  it.each([
    ["Bearer abc.def", "Bearer"],
    ["bearer abc.def", "Bearer"],
    ["BEARER  abc.def", "Bearer"],
    ["dpop abc.def", "DPoP"],
  ])("RS-01: takes the scheme in any case: %s", (header, scheme) => {
    expect(parseAuthorization(header)).toEqual({ kind: "token", scheme, token: "abc.def" });
  });

  it.each([null, undefined, "", "Basic dXNlcjpwYXNz", "Bearerabc"])("holds no token of ours: %s", (header) => {
    expect(parseAuthorization(header)).toEqual({ kind: "none" });
  });

  it.each(["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", 'Bearer "a"', "Bearer a\u0000", "Bearer é"])(
    "RS-01 B-18: is malformed unless it holds exactly one token: %j",
    (header) => {
      expect(parseAuthorization(header)).toEqual({ kind: "malformed" });
    },
  );

  it("B-18: is read without throwing, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(["none", "malformed", "token"]).toContain(parseAuthorization(text).kind);
      }),
    );
  });
});

describe("the challenge", () => {
  it.each([
    [{ code: "missing_token" }, "Bearer"],
    [{ code: "expired_token" }, 'Bearer error="invalid_token", error_description="expired_token"'],
    [{ code: "invalid_token", scheme: "DPoP" }, 'DPoP error="invalid_token", error_description="invalid_token"'],
    [{ code: "insufficient_scope", scope: "a b" }, 'Bearer error="insufficient_scope", scope="a b"'],
    [{ code: "insufficient_scope" }, 'Bearer error="insufficient_scope"'],
    [{ code: "invalid_request" }, 'Bearer error="invalid_request"'],
  ] as const)("RS-03: follows RFC 6750: %j", (challenge, header) => {
    expect(formatChallenge(challenge)).toBe(header);
  });

  it.each([
    [{ code: "missing_token" }, 'Bearer, DPoP algs="ES256 EdDSA"'],
    [{ code: "expired_token" }, 'Bearer error="invalid_token", error_description="expired_token"'],
    [{ code: "missing_token", scheme: "DPoP" }, 'DPoP algs="ES256 EdDSA"'],
    [{ code: "invalid_dpop_proof", scheme: "DPoP" }, 'DPoP error="invalid_dpop_proof", algs="ES256 EdDSA"'],
    [{ code: "use_dpop_nonce", scheme: "DPoP" }, 'DPoP error="use_dpop_nonce", algs="ES256 EdDSA"'],
    [
      { code: "expired_token", scheme: "DPoP" },
      'DPoP error="invalid_token", error_description="expired_token", algs="ES256 EdDSA"',
    ],
  ] as const)("DP-07: names the algorithms of proofs where proofs are taken: %j", (challenge, header) => {
    expect(formatChallenge({ ...challenge, dpopAlgorithms: ["ES256", "EdDSA"] })).toBe(header);
  });

  it("DP-03: a proof's faults are 400 at a token endpoint and 401 at a protected resource", () => {
    for (const code of ["invalid_dpop_proof", "use_dpop_nonce"] as const) {
      expect([ERRORS[code].status, statusAtResource(code)]).toEqual([400, 401]);
    }
    expect(statusAtResource("insufficient_scope")).toBe(403);
  });

  it("RS-03: nothing in a scope breaks out of its quotes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (scope) => {
        expect(formatChallenge({ code: "insufficient_scope", scope })).toMatch(
          /^Bearer error="insufficient_scope", scope="[\x20\x21\x23-\x5B\x5D-\x7E]*"$/,
        );
      }),
    );
  });

  it("DP-07: says of a bound token what is wrong with it, after the code, which a client still reads", () => {
    const challenge = formatChallenge({ code: "invalid_token", scheme: "DPoP", detail: BOUND_TOKEN_DETAIL });
    expect(challenge).toBe(
      'DPoP error="invalid_token", error_description="invalid_token: The token is bound to a key. ' +
        'Send it by the scheme DPoP, with a proof made with that key."',
    );
    expect(parseChallengeCode(challenge)).toBe("invalid_token");
  });

  it("tells a client its code again", () => {
    expect(parseChallengeCode(formatChallenge({ code: "stale_token" }))).toBe("stale_token");
    expect(parseChallengeCode('Bearer realm="x"')).toBeUndefined();
    expect(parseChallengeCode(null)).toBeUndefined();
  });
});
