import { request as httpRequest, type IncomingHttpHeaders } from "node:http";

import { generateSigningKey } from "@latchkey/jwt";
import { createVerifier, type Refusal, type Verifier, VerifierError } from "@latchkey/verifier";
import { SignJWT, UnsecuredJWT, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { FEED, startFeed, type TestFeed } from "./feed-on-loopback.ts";
import { AUDIENCE, listen, startIssuer, stopServer, type TestIssuer } from "./issuer-on-loopback.ts";

/**
 * An API in some framework. Guarded: `/api/me` (answers `{ subject, scopes }`), `/api/reports` (scope `read:reports`), `/api/both`
 * (`read:reports` and `write:reports`), `/api/edit` (role `editor`), `/api/admin` (role `admin`), `/api/broken` (its handler throws).
 * Not guarded: `/open`, and `/unguarded`, which demands a scope with no guard before it.
 */
export interface TestApi {
  readonly origin: string;
  close(): Promise<void>;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Every framework's guard must do all of this alike, over real HTTP. */
export function describeGuard(framework: string, startApi: (verifier: Verifier) => Promise<TestApi>): void {
  describe(`the guard for ${framework}`, () => {
    let issuer: TestIssuer;
    let feed: TestFeed;
    let verifier: Verifier;
    let api: TestApi;

    beforeAll(async () => {
      issuer = await startIssuer();
      feed = startFeed(issuer, { clock: () => Date.now() / 1000 });
      issuer.answerWith(FEED, feed.answer);
      issuer.describe({ revocation_feed_endpoint: `${issuer.url}${FEED}`, revocation_feed_access: "public" });
      verifier = createVerifier({ issuer: issuer.url, audience: AUDIENCE });
      api = await startApi(verifier);
    });
    afterAll(async () => {
      await api.close();
      verifier.close();
      feed.stop();
      await issuer.stop();
    });

    const get = (path: string, authorization?: string | readonly string[]): Promise<Answered> =>
      getOverHttp(`${api.origin}${path}`, authorization);

    it("lets a valid token through and hands it to the handler", async () => {
      const answer = await get("/api/me", `Bearer ${issuer.issue()}`);
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toEqual({ subject: "user-1", scopes: ["read:users", "read:reports"] });
    });

    it.each(["bearer", "BEARER", "bEaReR"])("RS-01: takes the scheme as %s", async (scheme) => {
      expect((await get("/api/me", `${scheme} ${issuer.issue()}`)).status).toBe(200);
    });

    it("leaves routes without a guard alone", async () => {
      expect((await get("/open")).status).toBe(200);
    });

    it("RS-03: challenges without an error code where no token was sent", async () => {
      expectRefusal(await get("/api/me"), missingToken);
    });

    it("RS-03: takes another scheme for no token", async () => {
      const answer = await get("/api/me", "Basic dXNlcjpwYXNz");
      expectRefusal(answer, missingToken);
    });

    it("RS-02: ignores tokens in the query", async () => {
      const answer = await get(`/api/me?access_token=${issuer.issue()}`);
      expectRefusal(answer, missingToken);
    });

    it.each([
      ["nothing behind the scheme", "Bearer"],
      ["two words", "Bearer one two"],
      ["two tokens", "Bearer one, Bearer two"],
      ["characters no token has", 'Bearer "quoted"'],
      ["a percent sign", "Bearer %00"],
      ["a brace", "Bearer {}"],
      ["an equals sign alone", "Bearer ="],
    ])("B-18: answers 400 to a header with %s", async (_, authorization) => {
      const answer = await get("/api/me", authorization);
      expectRefusal(answer, { status: 400, error: "invalid_request", challenge: 'Bearer error="invalid_request"' });
    });

    it("RS-01: answers 400 to two Authorization headers, even of the same good token", async () => {
      const good = `Bearer ${issuer.issue()}`;
      const answer = await get("/api/me", [good, good]);
      expectRefusal(answer, { status: 400, error: "invalid_request", challenge: 'Bearer error="invalid_request"' });
      expect((await get("/api/me", ["Bearer garbage", good])).status).toBe(400);
    });

    it.each(["x", "a.b.c", "....", "e30.e30.", "a".repeat(9_000), `${"a".repeat(4_000)}.b.c`])(
      "B-18: refuses garbage as a token, and stays up (%#)",
      async (garbage) => {
        expectRefusal(await get("/api/me", `Bearer ${garbage}`), invalidToken);
        expect((await get("/open")).status).toBe(200);
      },
    );

    it("says when a token has expired, so that the client refreshes", async () => {
      const now = Math.floor(Date.now() / 1000);
      const answer = await get("/api/me", `Bearer ${issuer.issue({ iat: now - 700, exp: now - 100 })}`);
      expectRefusal(answer, {
        status: 401,
        error: "expired_token",
        challenge: 'Bearer error="invalid_token", error_description="expired_token"',
      });
    });

    it("stops a session the moment it is revoked, and sends tokens with old rights to be refreshed", async () => {
      await verifier.ready();
      const until = Math.floor(Date.now() / 1000) + 720;
      const ended = `Bearer ${issuer.issue({ sid: "ended", jti: "ended" })}`;
      const old = `Bearer ${issuer.issue({ sub: "promoted", jti: "old" })}`;
      for (const authorization of [ended, old]) expect((await get("/api/me", authorization)).status).toBe(200);
      feed.revoke({ kind: "session", id: "ended", until }, { kind: "claims", id: "promoted", epoch: 1, until });
      while (verifier.status().revocation.cursor !== "c2") await new Promise((resolve) => setTimeout(resolve, 5));
      expectRefusal(await get("/api/me", ended), {
        status: 401,
        error: "invalid_token",
        challenge: 'Bearer error="invalid_token", error_description="invalid_token"',
      });
      expectRefusal(await get("/api/me", old), {
        status: 401,
        error: "stale_token",
        challenge: 'Bearer error="invalid_token", error_description="stale_token"',
      });
      const refreshed = `Bearer ${issuer.issue({ sub: "promoted", jti: "new", claims_epoch: 1 })}`;
      expect((await get("/api/me", refreshed)).status).toBe(200);
    });

    it("asks to come again, and does not refuse the token, where nothing was heard for too long", async () => {
      const unheard = createVerifier({
        issuer: issuer.url,
        audience: AUDIENCE,
        revocation: { onStale: "reject", urls: [`${issuer.url}/nothing`] },
      });
      const strict = await startApi(unheard);
      const answer = await getOverHttp(`${strict.origin}/api/me`, `Bearer ${issuer.issue()}`);
      await strict.close();
      unheard.close();
      expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "2" } });
      expect(answer.headers["www-authenticate"]).toBeUndefined();
      expect(JSON.parse(answer.text)).toMatchObject({ error: "unavailable" });
    });

    it("refuses alg none, a forged signature, another audience and another issuer alike", async () => {
      const now = Math.floor(Date.now() / 1000);
      const claims = { sub: "user-1", client_id: "c", jti: "j", scope: "read:reports" };
      const unsecured = new UnsecuredJWT(claims)
        .setIssuer(issuer.url)
        .setAudience(AUDIENCE)
        .setIssuedAt(now)
        .setExpirationTime(now + 600)
        .encode();
      const { privateKey } = await generateKeyPair("ES256");
      const forged = await new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: issuer.key.kid ?? "" })
        .setIssuer(issuer.url)
        .setAudience(AUDIENCE)
        .setIssuedAt(now)
        .setExpirationTime(now + 600)
        .sign(privateKey);
      const otherAudience = issuer.issue({ aud: "https://elsewhere.example.com" });
      const otherIssuer = issuer.issue({ iss: "https://evil.example.com" });
      const answers = [];
      for (const token of [unsecured, forged, otherAudience, otherIssuer]) {
        const answer = await get("/api/me", `Bearer ${token}`);
        expectRefusal(answer, invalidToken);
        answers.push(answer.text);
      }
      expect(new Set(answers).size).toBe(1);
    });

    it("RS-03: answers 403 and names the scope where the token does not cover the route", async () => {
      expect((await get("/api/reports", `Bearer ${issuer.issue()}`)).status).toBe(200);
      const answer = await get("/api/reports", `Bearer ${issuer.issue({ scope: "read:users read:reportsX" })}`);
      expectRefusal(answer, {
        status: 403,
        error: "insufficient_scope",
        challenge: 'Bearer error="insufficient_scope", scope="read:reports"',
      });
      expect(JSON.parse(answer.text)).toMatchObject({ scope: "read:reports" });
    });

    it("demands all of several scopes", async () => {
      const both = issuer.issue({ scope: "write:reports read:reports" });
      expect((await get("/api/both", `Bearer ${both}`)).status).toBe(200);
      const answer = await get("/api/both", `Bearer ${issuer.issue({ scope: "read:reports" })}`);
      expectRefusal(answer, {
        status: 403,
        error: "insufficient_scope",
        challenge: 'Bearer error="insufficient_scope", scope="read:reports write:reports"',
      });
    });

    it("demands roles", async () => {
      const token = `Bearer ${issuer.issue({ roles: ["editor"] })}`;
      expect((await get("/api/edit", token)).status).toBe(200);
      const refusal = { status: 403, error: "insufficient_scope", challenge: 'Bearer error="insufficient_scope"' };
      expectRefusal(await get("/api/admin", token), refusal);
      expectRefusal(await get("/api/edit", `Bearer ${issuer.issue({ roles: undefined })}`), refusal);
    });

    it("authenticates before it looks at scopes", async () => {
      expectRefusal(await get("/api/reports"), missingToken);
      expectRefusal(await get("/api/admin", "Bearer a.b.c"), invalidToken);
    });

    it("C-13: answers an error, and never the handler, where a scope is demanded without a guard", async () => {
      const answer = await get("/unguarded", `Bearer ${issuer.issue()}`);
      expect(answer.status).toBe(500);
      expect(answer.text).not.toContain("reached the handler");
    });

    it("leaves errors of the handler to the framework", async () => {
      expect((await get("/api/broken", `Bearer ${issuer.issue()}`)).status).toBe(500);
    });

    it("RS-08: ignores what proxies' headers say", async () => {
      const answer = await getOverHttp(`${api.origin}/api/me`, undefined, [
        ["X-Forwarded-Authorization", `Bearer ${issuer.issue()}`],
        ["X-Forwarded-Host", "evil.example.com"],
        ["X-Forwarded-User", "user-1"],
        ["X-Original-URL", "/open"],
      ]);
      expectRefusal(answer, missingToken);
    });

    it("shows nothing of a refused token in the answer", async () => {
      const stranger = issuer.issue({ sub: "secret-subject" }, { key: generateSigningKey("ES256") });
      const answer = await get("/api/me", `Bearer ${stranger}`);
      expect(answer.status).toBe(401);
      const said = JSON.stringify([answer.headers, answer.text]);
      for (const part of stranger.split(".")) expect(said).not.toContain(part);
      expect(said).not.toContain("secret-subject");
    });

    it("asks what a program has made of a verifier, whose own refusals and errors count", async () => {
      const made: Verifier = {
        ...verifier,
        async authenticate(request) {
          const token = await verifier.authenticate(request);
          if (token.subject === "barred") throw new VerifierError("invalid_token", "barred", BARRED);
          if (token.subject === "broken") throw new Error("broken");
          return token;
        },
      };
      const madeApi = await startApi(made);
      const status = async (claims: object): Promise<number> =>
        (await getOverHttp(`${madeApi.origin}/api/me`, `Bearer ${issuer.issue(claims)}`)).status;
      expect([await status({}), await status({ sub: "barred" }), await status({ sub: "broken" })]).toEqual([
        200, 401, 500,
      ]);
      await madeApi.close();
      expect(() => Object.assign(verifier, { ...made })).toThrow(TypeError);
    });

    it("answers 503 with Retry-After, not 401, where the issuer's keys cannot be had", async () => {
      const down = await listen((_, response) => response.writeHead(500).end());
      const cutOff = createVerifier({ issuer: down.origin, audience: AUDIENCE });
      const cutOffApi = await startApi(cutOff);
      const token = issuer.issue({ iss: down.origin });
      const answer = await getOverHttp(`${cutOffApi.origin}/api/me`, `Bearer ${token}`);
      expect(answer.status).toBe(503);
      expect(JSON.parse(answer.text)).toMatchObject({ error: "unavailable" });
      expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
      expect(answer.headers["www-authenticate"]).toBeUndefined();
      expect(answer.headers["cache-control"]).toBe("no-store");
      cutOff.close();
      await cutOffApi.close();
      await stopServer(down.server);
    });
  });
}

const BARRED: Refusal = { code: "invalid_token", reason: "invalid_claim", claim: "sub" };
const missingToken = {
  status: 401,
  error: "missing_token",
  challenge: 'Bearer, DPoP algs="ES256 ES384 PS256 Ed25519 EdDSA"',
};

const invalidToken = {
  status: 401,
  error: "invalid_token",
  challenge: 'Bearer error="invalid_token", error_description="invalid_token"',
};

function expectRefusal(
  answer: Answered,
  expected: { readonly status: number; readonly error: string; readonly challenge: string },
): void {
  expect({ status: answer.status, challenge: answer.headers["www-authenticate"] }).toEqual({
    status: expected.status,
    challenge: expected.challenge,
  });
  const body: unknown = JSON.parse(answer.text);
  expect(body).toMatchObject({ error: expected.error, error_description: expect.stringMatching(/^[A-Z].+\.$/) });
  expect(answer.headers["content-type"]).toMatch(/^application\/json/);
  expect(answer.headers["cache-control"]).toBe("no-store");
}

/** Node's own client, because `fetch` will not send a header twice. */
export function getOverHttp(
  url: string,
  authorization: string | readonly string[] = [],
  others: readonly (readonly [string, string])[] = [],
): Promise<Answered> {
  const values = [authorization].flat();
  const headers = ["Host", new URL(url).host, ...values.flatMap((value) => ["Authorization", value]), ...others.flat()];
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    request.on("error", reject);
    request.end();
  });
}
