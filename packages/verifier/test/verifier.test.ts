import { inspect } from "node:util";

import { exportPrivatePem, generateSigningKey, signJws } from "@latchkey/jwt";
import { createVerifier, type Verifier, VerifierError } from "@latchkey/verifier";
import fc from "fast-check";
import { exportJWK, generateKeyPair, importPKCS8, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { AUDIENCE, accessTokenClaims, JWKS, OPENID, startIssuer, type TestIssuer } from "./issuer-on-loopback.ts";
import { createManualClock } from "./manual-clock.ts";
import { refusalOf } from "./refusal-of.ts";

const clock = createManualClock();
let issuer: TestIssuer;
let verifier: Verifier;

beforeAll(async () => {
  issuer = await startIssuer({ clock });
  verifier = createVerifier({ issuer: issuer.url, audience: AUDIENCE, clock });
});
afterAll(async () => {
  verifier.close();
  await issuer.stop();
});

describe("a verified access token", () => {
  it("AT-03, RS-07: says who, for which client, in which session, and what they may", async () => {
    const token = await verifier.verify(issuer.issue({ tenant: "t1" }));
    expect(token).toEqual({
      kind: "access-token",
      issuer: issuer.url,
      subject: "user-1",
      clientId: "first-party",
      sessionId: "session-1",
      keyId: issuer.key.kid,
      claimsEpoch: 0,
      tokenId: "token-1",
      scopes: ["read:users", "read:reports"],
      roles: ["editor"],
      authenticatedAt: clock() - 60,
      issuedAt: clock(),
      expiresAt: clock() + 600,
      claims: expect.objectContaining({ tenant: "t1", amr: ["pwd"], acr: "1" }),
    });
  });

  it("cannot be changed, and does not hold the token", async () => {
    const text = issuer.issue();
    const token = await verifier.verify(text);
    expect(Object.isFrozen(token) && Object.isFrozen(token.scopes) && Object.isFrozen(token.roles)).toBe(true);
    const shown = inspect(token, { depth: 10, showHidden: true }) + JSON.stringify(token);
    for (const part of text.split(".")) expect(shown).not.toContain(part);
  });

  it("AT-04: has no scopes, roles or session where the claims are absent", async () => {
    const token = await verifier.verify(issuer.issue({ scope: undefined, roles: undefined, sid: undefined }));
    expect(token).toMatchObject({ scopes: [], roles: [], sessionId: undefined });
  });

  it("B-10: has nothing that a polluted Object.prototype would lend it", async () => {
    const lent = { roles: ["admin"], scope: "write:users", sid: "session-9", auth_time: 1, client_id: "x", cnf: {} };
    const token = issuer.issue({ roles: undefined, scope: undefined, sid: undefined, auth_time: undefined });
    const nobodys = issuer.issue({ client_id: undefined });
    Object.assign(Object.prototype, lent);
    try {
      const { scopes, roles, sessionId, authenticatedAt } = await verifier.verify(token);
      expect([scopes, roles, sessionId, authenticatedAt]).toEqual([[], [], undefined, undefined]);
      expect(await refusalOf(verifier.verify(nobodys))).toMatchObject({ reason: "missing_claim" });
    } finally {
      for (const name of Object.keys(lent)) Reflect.deleteProperty(Object.prototype, name);
    }
  });

  it("is the same whoever signed it: tokens made with jose are accepted", async () => {
    const key = await importPKCS8(exportPrivatePem(issuer.key), "ES256");
    const token = await new SignJWT({ ...accessTokenClaims(issuer.url, clock()) })
      .setProtectedHeader({ alg: "ES256", typ: "application/at+jwt", kid: issuer.key.kid ?? "" })
      .sign(key);
    expect((await verifier.verify(token)).subject).toBe("user-1");
  });

  it.each(["RS256", "PS256", "ES384", "EdDSA", "Ed25519"] as const)("may be signed with %s", async (alg) => {
    const other = await startIssuer({ clock, alg });
    const itsVerifier = createVerifier({ issuer: other.url, audience: AUDIENCE, clock });
    expect((await itsVerifier.verify(other.issue())).subject).toBe("user-1");
    itsVerifier.close();
    await other.stop();
  });
});

describe("the checks", () => {
  const refused = async (claims: object): Promise<object> => refusalOf(verifier.verify(issuer.issue(claims)));

  it.each(["JWT", "rt+jwt", "id+jwt", "dpop+jwt", "", "at+jwtx"])("AT-01: refuse the type %j", async (typ) => {
    const key = await importPKCS8(exportPrivatePem(issuer.key), "ES256");
    const token = await new SignJWT({ ...accessTokenClaims(issuer.url, clock()) })
      .setProtectedHeader({ alg: "ES256", typ, kid: issuer.key.kid ?? "" })
      .sign(key);
    expect(await refusalOf(verifier.verify(token))).toMatchObject({ code: "invalid_token", reason: "wrong_type" });
  });

  it.each(["iss", "exp", "aud", "sub", "client_id", "iat", "jti"])(
    "AT-02: refuse a token without %s",
    async (claim) => {
      expect(await refused({ [claim]: undefined })).toMatchObject({
        code: "invalid_token",
        reason: "missing_claim",
        claim,
      });
    },
  );

  it.each([
    ["sub", 7],
    ["sub", ""],
    ["client_id", ["a"]],
    ["client_id", ""],
    ["jti", {}],
    ["sid", 7],
    ["sid", ""],
    ["sid", null],
    ["scope", ["read:reports"]],
    ["scope", { "read:reports": true }],
    ["roles", "editor"],
    ["roles", [1]],
    ["roles", { 0: "editor", length: 1 }],
    ["auth_time", "now"],
  ])("refuse a %s of %j", async (claim, value) => {
    expect(await refused({ [claim]: value })).toMatchObject({ code: "invalid_token", reason: "invalid_claim", claim });
  });

  it.each([
    [undefined],
    [""],
    ["https://api.example.com/"],
    ["https://api.example.co"],
    ["https://API.example.com"],
    [["https://elsewhere.example.com"]],
    [[]],
    [[["https://api.example.com"]]],
    [{ 0: "https://api.example.com" }],
    ["https://elsewhere.example.com https://api.example.com"],
    [null],
  ])("C-01, C-02: refuse the audience %j", async (aud) => {
    expect(await refused({ aud })).toMatchObject({ code: "invalid_token", claim: "aud" });
  });

  it("C-02: accept a list of audiences that has ours", async () => {
    const token = await verifier.verify(issuer.issue({ aud: ["https://elsewhere.example.com", AUDIENCE] }));
    expect(token.subject).toBe("user-1");
  });

  it("C-03, MD-01: refuse an issuer that is not ours byte for byte", async () => {
    const { url } = issuer;
    for (const iss of [
      `${url}/`,
      url.slice(0, -1),
      url.toUpperCase(),
      [url],
      { 0: url },
      `${url}.evil.example`,
      "",
      null,
    ]) {
      expect(await refused({ iss })).toMatchObject({ code: "invalid_token", claim: "iss" });
    }
  });

  it("say that a token has expired, after the leeway and not before", async () => {
    expect((await verifier.verify(issuer.issue({ exp: clock() - 4 }))).subject).toBe("user-1");
    expect(await refused({ exp: clock() - 5 })).toEqual({ code: "expired_token", reason: "expired", claim: "exp" });
  });

  it("refuse a token from the future", async () => {
    expect(await refused({ iat: clock() + 6 })).toMatchObject({ code: "invalid_token", reason: "not_yet_valid" });
    expect(await refused({ nbf: clock() + 6 })).toMatchObject({ code: "invalid_token", reason: "not_yet_valid" });
  });

  it.each([[{ jkt: "x" }], [{ "x5t#S256": "x" }], [{}], [null], ["x"]])(
    "RS-04: refuse a bearer bound by %j",
    async (cnf) => {
      expect(await refused({ cnf })).toMatchObject({ code: "invalid_token", reason: "bound_token", scheme: "DPoP" });
    },
  );

  it("DP-04: tell in the log why a token and its proof do not go together", async () => {
    const cnf = { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" };
    const reason = async (token: string, more: object = {}) => {
      const headers = { authorization: `DPoP ${token}`, ...more };
      return (await refusalOf(verifier.authenticate({ headers, method: "GET", url: "/" }))).reason;
    };
    expect(await reason(issuer.issue())).toBe("unbound_token");
    expect(await reason(issuer.issue({ cnf: { ...cnf, other: "x" } }))).toBe("bound_token");
    expect(await reason(issuer.issue({ cnf }))).toBe("no_proof");
    expect(await reason(issuer.issue({ cnf }), { dpop: ["a", "b"] })).toBe("repeated_proof");
    expect(await reason(issuer.issue({ cnf }), { dpop: "x" })).toBe("malformed_token");
    const bare = { headers: { authorization: `DPoP ${issuer.issue({ cnf })}`, dpop: "x" } };
    expect((await refusalOf(verifier.authenticate(bare))).reason).toBe("no_request_line");
  });

  it("refuse what is no text at all", async () => {
    const given: readonly unknown[] = [undefined, null, 7, {}, [], Buffer.from("x")];
    for (const token of given) {
      expect(await refusalOf(verifier.verify(token as string))).toMatchObject({ code: "invalid_token" });
    }
  });

  it("refuse a good token with any one character changed", async () => {
    const good = issuer.issue();
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom(...alphabet.split("")), async (at, character) => {
        fc.pre(good[at] !== character);
        const bad = good.slice(0, at) + character + good.slice(at + 1);
        expect(["invalid_token"]).toContain((await refusalOf(verifier.verify(bad))).code);
      }),
      { numRuns: 60 },
    );
  });

  it("B-17: never take one caller for another, however their tokens alternate", async () => {
    const tokens = Array.from({ length: 50 }, (_, index) =>
      issuer.issue({ sub: `user-${index}`, jti: `token-${index}` }),
    );
    const verified = await Promise.all([...tokens, ...tokens.toReversed()].map((token) => verifier.verify(token)));
    const subjects = tokens.map((_, index) => `user-${index}`);
    expect(verified.map(({ subject }) => subject)).toEqual([...subjects, ...subjects.toReversed()]);
  });
});

describe("errors", () => {
  it("never hold the token", async () => {
    const token = issuer.issue({ exp: clock() - 100 });
    const error: unknown = await verifier.verify(token).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(VerifierError);
    const shown = inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error);
    for (const part of token.split(".")) expect(shown).not.toContain(part);
    expect(inspect(verifier, { depth: 10, showHidden: true })).not.toContain(token.split(".")[1]);
  });

  it("say why in words for logs, and name the claim", async () => {
    await expect(verifier.verify(issuer.issue({ aud: "x" }))).rejects.toThrow(
      "The token is not valid. (invalid_claim: aud)",
    );
  });
});

describe("asking the issuer", () => {
  it("costs a request nothing once the keys are held", async () => {
    await verifier.ready();
    const before = issuer.paths.length;
    for (let index = 0; index < 20; index += 1) await verifier.verify(issuer.issue());
    expect(issuer.paths.length).toBe(before);
  });

  it("C-04, D-01: is not done for a token that would be refused anyway", async () => {
    await verifier.ready();
    const before = issuer.paths.length;
    const key = generateSigningKey("ES256");
    const strangers = [
      issuer.issue({ iss: "https://evil.example.com" }, { key }),
      issuer.issue({ aud: "https://elsewhere.example.com" }, { key }),
      issuer.issue({ exp: clock() - 100 }, { key }),
      issuer.issue({ exp: "never" }, { key }),
      issuer.issue({}, { key, typ: "JWT" }),
      signJws(Buffer.from("[]"), key, { typ: "at+jwt" }),
      signJws(Buffer.from("{"), key, { typ: "at+jwt" }),
    ];
    for (const token of strangers) {
      expect(await refusalOf(verifier.verify(token))).toEqual({ code: "invalid_token", reason: "not_for_us" });
    }
    expect(issuer.paths.length).toBe(before);
  });

  it("K-09: two issuers with keys of one kid and alg never share a key", async () => {
    const kid = "2026-11";
    const one = await startIssuer({ clock, key: generateSigningKey("ES256", { kid }) });
    const two = await startIssuer({ clock, key: generateSigningKey("ES256", { kid }) });
    const ofOne = createVerifier({ issuer: one.url, audience: AUDIENCE, clock });
    const ofTwo = createVerifier({ issuer: two.url, audience: AUDIENCE, clock });
    await ofOne.verify(one.issue());
    await ofTwo.verify(two.issue());
    const crossed = two.issue({ iss: one.url });
    expect(await refusalOf(ofOne.verify(crossed))).toMatchObject({ reason: "invalid_signature" });
    expect(await refusalOf(ofOne.verify(two.issue()))).toMatchObject({ code: "invalid_token" });
    await ofOne.verify(one.issue());
    expect(one.hits(JWKS)).toBe(1);
    for (const used of [ofOne, ofTwo]) used.close();
    for (const used of [one, two]) await used.stop();
  });

  it("H-09, D-06: goes where the configuration says, whatever kid, jku or x5u a token brings", async () => {
    const evil = await startIssuer({ clock });
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const headers = [
      { kid: "../../../admin" },
      { kid: `${evil.url}${JWKS}` },
      { kid: issuer.key.kid ?? "", jku: `${evil.url}${JWKS}`, x5u: evil.url, jwk: await exportJWK(publicKey) },
    ];
    const own = createVerifier({ issuer: issuer.url, audience: AUDIENCE });
    for (const header of headers) {
      const token = await new SignJWT({ ...accessTokenClaims(issuer.url, Date.now() / 1000) })
        .setProtectedHeader({ alg: "ES256", typ: "at+jwt", ...header })
        .sign(privateKey);
      expect(await refusalOf(own.verify(token))).toMatchObject({ code: "invalid_token" });
    }
    expect(evil.paths).toEqual([]);
    expect(new Set(issuer.paths)).toEqual(new Set([OPENID, JWKS]));
    own.close();
    await evil.stop();
  });
});

describe("authenticate", () => {
  it("takes Fetch headers, Node's headers and plain ones", async () => {
    const authorization = `Bearer ${issuer.issue()}`;
    const requests = [
      new Request("https://api.example.com/", { headers: { authorization } }),
      { headers: new Headers({ authorization }) },
      { headers: { authorization } },
      { headers: {}, rawHeaders: ["Host", "api.example.com", "AUTHORIZATION", authorization] },
    ];
    for (const request of requests) expect((await verifier.authenticate(request)).subject).toBe("user-1");
  });

  it("RS-01: refuses several tokens in any of them", async () => {
    const authorization = `Bearer ${issuer.issue()}`;
    const fetched = new Headers({ authorization });
    fetched.append("authorization", authorization);
    const requests = [
      { headers: fetched },
      { headers: { authorization: [authorization, authorization] } },
      { headers: { authorization }, rawHeaders: ["Authorization", authorization, "authorization", authorization] },
    ];
    for (const request of requests) {
      expect(await refusalOf(verifier.authenticate(request))).toMatchObject({ code: "invalid_request" });
    }
  });

  it("RS-01: refuses what is no single token as such, whatever key it names, and asks nobody for it", async () => {
    await verifier.ready();
    const before = issuer.paths.length;
    const strange = issuer.issue({}, { key: generateSigningKey("ES256") });
    for (const text of [`${strange} x`, `${strange},`, `${issuer.issue()} `, ` ${issuer.issue()}\t`, ""]) {
      const request = { headers: { authorization: `Bearer ${text}` } };
      expect(await refusalOf(verifier.authenticate(request))).toMatchObject({ reason: "malformed_authorization" });
    }
    expect(issuer.paths.length).toBe(before);
  });

  it("does not take a header's value for a header's name", async () => {
    const request = { headers: {}, rawHeaders: ["X-Name", "authorization", "Bearer x", "y"] };
    expect(await refusalOf(verifier.authenticate(request))).toMatchObject({ code: "missing_token" });
  });
});
