import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { expectRefusal, ISSUER, PASSWORD } from "../../authority.ts";
import { introspect, WITH_RESOURCE_SERVERS } from "../resource-server.ts";
import type { OAuthWorld, WaitingCode } from "./oauth-world.ts";
import {
  API,
  basicOf,
  expectInvalidGrant,
  LEDGER,
  oauthWorld,
  REDIRECT,
  startOAuth,
  expectTokens,
} from "./oauth-world.ts";

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}

/** A token of the client as an API sees it, through the authority: whether it is live. */
async function isLive(world: OAuthWorld, accessToken: string): Promise<boolean> {
  const answer = await world.authority.call("GET", "/oauth/userinfo", { token: accessToken });
  return answer.status === 200;
}

describe("a code", () => {
  it("is exchanged for tokens of the client, the scope and the API that were asked for", async () => {
    const world = await startOAuth();
    const answer = await world.redeem(await world.obtainCode({ scope: "orders:read openid email" }));
    const tokens = expectTokens(answer);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("pragma")).toBe("no-cache");
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(tokens).toMatchObject({ token_type: "Bearer", scope: "openid email orders:read", expires_in: 600 });
    expect(claimsOf(tokens.access_token)).toMatchObject({
      iss: ISSUER,
      aud: API,
      client_id: "shop",
      scope: "openid email orders:read",
      auth_time: world.authority.now(),
      amr: ["pwd"],
      acr: "aal1",
    });
    expect(claimsOf(tokens.access_token)).not.toHaveProperty("cnf");
  });

  it("AT-05: is for the API that was asked for, or the client's first", async () => {
    const world = await startOAuth();
    const other = expectTokens(await world.redeem(await world.obtainCode({ resource: ISSUER }), { resource: ISSUER }));
    expect(claimsOf(other.access_token)["aud"]).toBe(ISSUER);
    const waiting = await world.obtainCode();
    expectRefusal(await world.redeem(waiting, { resource: ISSUER }), 400, "invalid_target");
    expectRefusal(await world.redeem(waiting, { resource: "https://other.example.com" }), 400, "invalid_target");
    expectTokens(await world.redeem(waiting, { resource: API }));
  });

  it("begins a session that its user sees, under the client's name, and can end", async () => {
    const world = await startOAuth();
    const token = await world.signIn();
    const tokens = expectTokens(await world.redeem(await world.obtainCode(), {}, { "User-Agent": "shop-server/1" }));
    const list = await world.authority.call("GET", "/auth/sessions", { token });
    const { sessions } = list.body as { sessions: { id: string; client_id: string; device: string }[] };
    const theirs = sessions.find(({ client_id }) => client_id === "shop");
    expect(theirs).toMatchObject({ device: "shop-server/1", current: false });
    await world.authority.call("DELETE", `/auth/sessions/${theirs?.id}`, { token });
    expect(await isLive(world, tokens.access_token)).toBe(false);
    expectInvalidGrant(await world.refresh(tokens.refresh_token));
  });

  it("RT-14, F-03: counts once; used again it ends the session it began, winner's tokens and all", async () => {
    const world = await startOAuth();
    const waiting = await world.obtainCode();
    const tokens = expectTokens(await world.redeem(waiting));
    expect(await isLive(world, tokens.access_token)).toBe(true);
    expectInvalidGrant(await world.redeem(waiting));
    expect(await isLive(world, tokens.access_token)).toBe(false);
    expectInvalidGrant(await world.refresh(tokens.refresh_token));
    await expect
      .poll(async () => (await world.authority.server.audit.list({ types: ["session_revoked"] }))[0]?.event)
      .toMatchObject({ reason: "authorization_code_reuse" });
  });

  it("RT-14: used again after its tokens were refreshed, it still ends their session", async () => {
    const world = await startOAuth();
    const waiting = await world.obtainCode();
    const next = expectTokens(await world.refresh(expectTokens(await world.redeem(waiting)).refresh_token));
    world.authority.advance(3_600);
    expectInvalidGrant(await world.redeem(waiting));
    expectInvalidGrant(await world.refresh(next.refresh_token));
  });

  it("E-18, RT-14: ends nothing for who has the code alone, as a history or a log has it", async () => {
    const world = await startOAuth();
    const waiting = await world.obtainCode();
    const tokens = expectTokens(await world.redeem(waiting));
    expectInvalidGrant(await world.redeem(waiting, { code_verifier: "v".repeat(43) }));
    expectInvalidGrant(await world.redeem(waiting, { redirect_uri: `${REDIRECT}/` }));
    expect(await isLive(world, tokens.access_token)).toBe(true);
    expectTokens(await world.refresh(tokens.refresh_token));
  });

  it("RT-03, E-16: of fifty redemptions at once, over two nodes, one begins a session, and it is ended", async () => {
    const world = await startOAuth();
    const beside = oauthWorld(await world.authority.beside());
    const waiting = await world.obtainCode();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? world : beside).redeem(waiting)),
    );
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    for (const answer of answers) if (answer !== won[0]) expectInvalidGrant(answer);
    const [tokens] = won.map(expectTokens);
    expect(await isLive(world, tokens?.access_token ?? "")).toBe(false);
    expectInvalidGrant(await beside.refresh(tokens?.refresh_token ?? ""));
  });

  it("RT-03: used before a restart, it is used after it", async () => {
    const world = await startOAuth();
    const waiting = await world.obtainCode();
    expectTokens(await world.redeem(waiting));
    expectInvalidGrant(await oauthWorld(await world.authority.restart()).redeem(waiting));
  });

  it("lives through a restart until it is used", async () => {
    const world = await startOAuth();
    const waiting = await world.obtainCode();
    expectTokens(await oauthWorld(await world.authority.restart()).redeem(waiting));
  });

  it("RT-14: lives for a minute", async () => {
    const world = await startOAuth();
    const [timely, late] = [await world.obtainCode(), await world.obtainCode()];
    world.authority.advance(59);
    expectTokens(await world.redeem(timely));
    world.authority.advance(1);
    expectInvalidGrant(await world.redeem(late));
    // Nor does a clock that is set back bring it to life.
    world.authority.advance(-30);
    expectInvalidGrant(await world.redeem(late));
  });

  it.each([
    ["another verifier", { code_verifier: "v".repeat(43) }],
    ["a verifier that is too short", { code_verifier: "v".repeat(42) }],
    ["a verifier that is too long", { code_verifier: "v".repeat(129) }],
    ["a verifier of other characters", { code_verifier: `${"v".repeat(43)}+` }],
    ["another redirect URI", { redirect_uri: `${REDIRECT}/` }],
    ["another code", { code: "x".repeat(300) }],
  ])("AZ-03, AZ-04, F-02: is refused with %s, and is still good for who it is for", async (_, changes) => {
    const world = await startOAuth();
    const waiting = await world.obtainCode();
    expectInvalidGrant(await world.redeem(waiting, changes));
    expectTokens(await world.redeem(waiting));
  });

  it("AZ-04, F-02: is refused without a verifier", async () => {
    const world = await startOAuth();
    expectRefusal(await world.redeem(await world.obtainCode(), { code_verifier: undefined }), 400, "invalid_request");
  });

  it("needs no redirect URI, which PKCE has made needless (OAuth 2.1 §10.2)", async () => {
    const world = await startOAuth();
    expectTokens(await world.redeem(await world.obtainCode(), { redirect_uri: undefined }));
  });

  it("is not redeemed with the verifier of another code", async () => {
    const world = await startOAuth();
    const [one, other] = [await world.obtainCode(), await world.obtainCode()];
    expectInvalidGrant(await world.redeem({ ...one, verifier: other.verifier }));
  });

  it("F-03, RT-07: is of no use to another client, and none the worse for it", async () => {
    const world = await startOAuth();
    const waiting = await world.obtainCode();
    const asLedger = (code: WaitingCode) => world.redeem(code, { client_id: undefined }, basicOf(LEDGER));
    expectInvalidGrant(await asLedger(waiting));
    const tokens = expectTokens(await world.redeem(waiting));
    // Nor does another client end a session by it.
    expectInvalidGrant(await asLedger(waiting));
    expect(await isLive(world, tokens.access_token)).toBe(true);
  });

  it.each(["changed", "cut", "longer", "in another case"])("E-06: %s, it is none", async (how) => {
    const world = await startOAuth();
    const waiting = await world.obtainCode();
    const { code } = waiting;
    const forged = {
      changed: `${code.slice(0, -1)}${code.endsWith("A") ? "B" : "A"}`,
      cut: code.slice(0, -1),
      longer: `${code}A`,
      "in another case": code.toUpperCase(),
    }[how];
    expectInvalidGrant(await world.redeem(waiting, { code: forged }));
  });

  it("RT-06: is nowhere in the database, nor are its tokens, and says nothing that can be read", async () => {
    const world = await startOAuth();
    const waiting = await world.obtainCode({ nonce: "the nonce" });
    const tokens = expectTokens(await world.redeem(waiting));
    const next = expectTokens(await world.refresh(tokens.refresh_token));
    await world.authority.server.close();
    const database = readFileSync(world.authority.path).toString("latin1");
    const secrets = [waiting.code, tokens.refresh_token, next.refresh_token, tokens.access_token, waiting.verifier];
    const jti = String(claimsOf(next.refresh_token)["jti"]);
    for (const secret of [...secrets, jti]) expect(database.includes(secret)).toBe(false);
    expect(database.includes(createHash("sha256").update(jti).digest("base64url"))).toBe(true);
    const readable = Buffer.from(waiting.code, "base64url").toString("latin1");
    expect(readable).not.toMatch(/nonce|shop|session/);
    expect(world.authority.logs.join()).not.toContain(waiting.code);
  });
});

describe("RT-09: what ends a user's sessions ends the codes that wait", () => {
  const password = { current_password: PASSWORD, new_password: "another battery horse staple" };

  it.each<readonly [string, (world: OAuthWorld, token: string) => Promise<unknown>]>([
    ["signing out everywhere", ({ authority }, token) => authority.call("POST", "/auth/logout-all", { token })],
    ["a new password", ({ authority }, token) => authority.call("POST", "/auth/password", { token, json: password })],
    [
      "the end of the account",
      ({ authority }, token) => authority.call("DELETE", "/auth/me", { token, json: { password: PASSWORD } }),
    ],
  ])("%s", async (_, end) => {
    const world = await startOAuth();
    const token = await world.signIn();
    const [waiting, redeemed] = [await world.obtainCode(), await world.obtainCode()];
    const tokens = expectTokens(await world.redeem(redeemed));
    expect(await end(world, token)).toMatchObject({ status: 204 });
    expectInvalidGrant(await world.redeem(waiting));
    expectInvalidGrant(await world.refresh(tokens.refresh_token));
    expect(await isLive(world, tokens.access_token)).toBe(false);
  });
});

describe("a refresh token of a client", () => {
  it("RT-01, RT-02, E-01: is exchanged once; used again, once its short while is over, it ends the session", async () => {
    const world = await startOAuth();
    const first = expectTokens(await world.redeem(await world.obtainCode()));
    const second = expectTokens(await world.refresh(first.refresh_token));
    expect(second.refresh_token).not.toBe(first.refresh_token);
    world.authority.advance(11);
    expectInvalidGrant(await world.refresh(first.refresh_token));
    expectInvalidGrant(await world.refresh(second.refresh_token));
    expect(await isLive(world, second.access_token)).toBe(false);
  });

  it("RT-04: sent again at once, as after a lost answer, is answered with the same successor", async () => {
    const world = await startOAuth();
    const first = expectTokens(await world.redeem(await world.obtainCode()));
    const [one, two] = [await world.refresh(first.refresh_token), await world.refresh(first.refresh_token)].map(
      expectTokens,
    );
    expect(two?.refresh_token).toBe(one?.refresh_token);
  });

  it("E-02, RT-03: of fifty at once, over two nodes, all get the same successor: the family is never forked", async () => {
    const world = await startOAuth();
    const beside = oauthWorld(await world.authority.beside());
    const { refresh_token } = expectTokens(await world.redeem(await world.obtainCode()));
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? world : beside).refresh(refresh_token)),
    );
    expect(new Set(answers.map((answer) => expectTokens(answer).refresh_token)).size).toBe(1);
  });

  it("RT-07, E-04: is of no use to another client, nor on the routes of your own apps", async () => {
    const world = await startOAuth();
    const { refresh_token } = expectTokens(await world.redeem(await world.obtainCode()));
    expectInvalidGrant(await world.refresh(refresh_token, { client_id: undefined }, basicOf(LEDGER)));
    expectRefusal(await world.authority.refresh(refresh_token), 401, "session_ended");
    expectTokens(await world.refresh(refresh_token));
  });

  it("a first-party refresh token is of no use here", async () => {
    const world = await startOAuth();
    const { refresh_token } = await world.authority.signedIn();
    expectInvalidGrant(await world.refresh(refresh_token));
    expectRefusal(await world.refresh(refresh_token, { client_id: "first-party" }), 401, "invalid_client");
  });

  it("RT-08, E-08: gets less where less is asked for, all of it again afterwards, and never more", async () => {
    const world = await startOAuth();
    const first = expectTokens(await world.redeem(await world.obtainCode({ scope: "openid orders:read" })));
    for (const scope of ["openid orders:read orders:write", "orders:write", "admin"]) {
      expectRefusal(await world.refresh(first.refresh_token, { scope }), 400, "invalid_scope");
    }
    expectRefusal(await world.refresh(first.refresh_token, { resource: ISSUER }), 400, "invalid_target");
    const less = expectTokens(await world.refresh(first.refresh_token, { scope: "orders:read" }));
    expect(less.scope).toBe("orders:read");
    expect(claimsOf(less.access_token)).toMatchObject({ scope: "orders:read", aud: API });
    expect(less).not.toHaveProperty("id_token");
    const all = expectTokens(await world.refresh(less.refresh_token));
    expect(all.scope).toBe("openid orders:read");
    expect(claimsOf(all.access_token)).toMatchObject({ scope: "openid orders:read", aud: API });
  });

  it("RT-05, RT-16: ends at its absolute limit however often it is used, and says when", async () => {
    const world = await startOAuth({ sessionIdleSeconds: 86_400, sessionMaxSeconds: 3 * 86_400 });
    let tokens = expectTokens(await world.redeem(await world.obtainCode()));
    for (let day = 0; day < 5; day++) {
      expect(tokens.refresh_token_timeout).toBeLessThanOrEqual(tokens.authorization_expires_in);
      expect(tokens.authorization_expires_in).toBe(3 * 86_400 - day * 43_200);
      world.authority.advance(43_200);
      tokens = expectTokens(await world.refresh(tokens.refresh_token));
    }
    world.authority.advance(43_200);
    expectInvalidGrant(await world.refresh(tokens.refresh_token));
  });

  it("AT-03: what it says of the sign-in stays as it was", async () => {
    const world = await startOAuth();
    const first = expectTokens(await world.redeem(await world.obtainCode()));
    world.authority.advance(3_600);
    const second = expectTokens(await world.refresh(first.refresh_token));
    const [before, after] = [claimsOf(first.access_token), claimsOf(second.access_token)];
    for (const claim of ["auth_time", "amr", "acr", "sub", "sid"]) expect(after[claim]).toEqual(before[claim]);
    expect(after["iat"]).toBe(world.authority.now());
  });

  it("H-05: gives its holder no guesses of their own at the user's password, as a session of your own app does", async () => {
    const rateLimits = { delayPerAccount: { afterFailures: 2, seconds: 60 } };
    const world = await startOAuth({ rateLimits });
    const { refresh_token } = expectTokens(await world.redeem(await world.obtainCode()));
    const guess = (headers: Record<string, string> = {}) =>
      world.authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password: "a guess" }, headers });
    for (let count = 0; count < 2; count++) expectRefusal(await guess(), 401, "invalid_credentials");
    expectRefusal(await guess(), 429, "rate_limited");
    const asBrowser = { Origin: ISSUER, Cookie: `__Secure-latchkey-rt=${refresh_token}` };
    expectRefusal(await guess(asBrowser), 429, "rate_limited");
  });

  it("RV-01: is revoked by its client alone", async () => {
    const world = await startOAuth();
    const { refresh_token: token } = expectTokens(await world.redeem(await world.obtainCode()));
    expectRefusal(await world.post("/oauth/revoke", { token }, basicOf(LEDGER)), 400, "invalid_grant");
    expectRefusal(await world.post("/oauth/revoke", { token, client_id: "ledger" }), 401, "invalid_client");
    expectRefusal(await world.post("/oauth/revoke", { token, client_id: "first-party" }), 400, "invalid_grant");
    expect((await world.post("/oauth/revoke", { token, client_id: "shop" })).status).toBe(200);
    expectInvalidGrant(await world.refresh(token));
  });
});

describe("an access token of a client", () => {
  it("is none on the account routes: a user's account is for the user's own apps", async () => {
    const world = await startOAuth();
    const { access_token: token } = expectTokens(await world.redeem(await world.obtainCode()));
    for (const [method, path] of [
      ["GET", "/auth/me"],
      ["GET", "/auth/sessions"],
      ["POST", "/auth/logout-all"],
    ] as const) {
      expectRefusal(await world.authority.call(method, path, { token }), 401, "invalid_token");
    }
  });

  it("C-11, E-08: says nothing of the user's roles: what they let a client do is its scope", async () => {
    const byRole = { admin: ["orders:write"] };
    const world = await startOAuth({ scopes: { allowed: ["orders:read", "orders:write"], byRole } });
    await world.authority.signedIn();
    await world.authority.server.setRoles("ada@example.com", ["admin"]);
    expect(claimsOf(await world.signIn())).toMatchObject({ roles: ["admin"] });
    const first = expectTokens(await world.redeem(await world.obtainCode({ scope: "orders:read orders:write" })));
    expect(first.scope).toBe("orders:read orders:write");
    const next = expectTokens(await world.refresh(first.refresh_token));
    for (const { access_token } of [first, next]) expect(claimsOf(access_token)).not.toHaveProperty("roles");
  });

  it("allows nothing to another client: who lets somebody in is the user", async () => {
    const world = await startOAuth();
    const { access_token: token } = expectTokens(await world.redeem(await world.obtainCode()));
    const handle = world.handleOf(await world.authorize());
    expectRefusal(await world.decide(handle, "allow", token), 401, "invalid_token");
  });

  it("is introspected with its client and scope", async () => {
    const { resourceServers } = WITH_RESOURCE_SERVERS;
    const world = await startOAuth({ resourceServers: resourceServers.filter(({ id }) => id === "gateway") });
    const { access_token: token } = expectTokens(await world.redeem(await world.obtainCode()));
    expect((await introspect(world.authority, token)).body).toMatchObject({ active: true, client_id: "shop" });
  });
});

describe("the token endpoint", () => {
  it("RT-11: takes POST and forms alone, no parameter twice, and reads no cookie", async () => {
    const world = await startOAuth();
    expect((await world.visit("/oauth/token")).status).toBe(405);
    const json = await world.authority.call("POST", "/oauth/token", { json: { grant_type: "refresh_token" } });
    expectRefusal(json, 415, "unsupported_media_type");
    expectRefusal(await world.post("/oauth/token", { grant_type: ["refresh_token", "x"] }), 400, "invalid_request");
    const { refresh_token } = expectTokens(await world.redeem(await world.obtainCode()));
    const cookie = { Cookie: `__Secure-latchkey-rt=${refresh_token}` };
    const answer = await world.refresh("", {}, cookie);
    expectRefusal(answer, 400, "invalid_request");
    expectTokens(await world.refresh(refresh_token, { unknown: "x" }));
  });

  it.each(["password", "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer", "implicit"])(
    "RT-15, RT-12: knows no grant %s",
    async (grant_type) => {
      const world = await startOAuth();
      const fields = { grant_type, client_id: "shop", username: "ada@example.com", password: PASSWORD };
      expectRefusal(await world.post("/oauth/token", fields), 400, "unsupported_grant_type");
    },
  );

  it.each(["/oauth/par", "/oauth/userinfo", "/oauth/revoke"])(
    "RV-04, F-15: pages of public clients may read the answers of %s, too, without cookies",
    async (path) => {
      const world = await startOAuth();
      const ofShop = new URL(REDIRECT).origin;
      for (const [origin, allowed] of [
        [ofShop, ofShop],
        ["https://evil.example", null],
        ["https://ledger.example.com", null],
      ] as const) {
        const headers = { Origin: origin, "Access-Control-Request-Method": "POST" };
        for (const answer of [
          await world.visit(path, { method: "OPTIONS", headers }),
          await world.post(path, { client_id: "shop", token: "x" }, { Origin: origin }),
        ]) {
          expect(answer.headers.get("access-control-allow-origin")).toBe(allowed);
          expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
        }
      }
    },
  );

  it("F-15: pages of public clients may read its answers, of other origins not, and none with cookies", async () => {
    const world = await startOAuth();
    const asked = await world.post("/oauth/token", { client_id: "shop" }, { Origin: new URL(REDIRECT).origin });
    expect(asked.headers.get("access-control-allow-origin")).toBe(new URL(REDIRECT).origin);
    expect(asked.headers.get("access-control-allow-credentials")).toBeNull();
    for (const origin of ["https://evil.example", "https://ledger.example.com", "null"]) {
      const { headers } = await world.post("/oauth/token", { client_id: "shop" }, { Origin: origin });
      expect(headers.get("access-control-allow-origin")).toBeNull();
      expect(headers.get("vary")).toBe("Origin");
    }
    const preflight = await world.visit("/oauth/token", {
      method: "OPTIONS",
      headers: { Origin: new URL(REDIRECT).origin, "Access-Control-Request-Method": "POST" },
    });
    expect(preflight.headers.get("access-control-allow-origin")).toBe(new URL(REDIRECT).origin);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("DPoP");
    expect(preflight.headers.get("access-control-allow-credentials")).toBeNull();
  });
});
