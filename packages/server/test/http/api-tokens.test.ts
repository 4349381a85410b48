import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";

import { getListFromStatusListJWT, getStatusListFromJWT } from "@sd-jwt/jwt-status-list";
import { API_TOKEN_PATTERN, parseApiToken } from "@latchkey/protocol";
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import type { JSONWebKeySet } from "jose";
import { describe, expect, it } from "vitest";

import type { AuthorizeHook } from "../../src/index.ts";
import { createAuthServer, createSqliteStore } from "../../src/index.ts";
import type { TestAuthority } from "../authority.ts";
import { cookieJar, expectRefusal, ISSUER, MASTER_SECRET, PASSWORD, startAuthority } from "../authority.ts";
import { listed, make, made, WITH_API_TOKENS } from "./api-token-calls.ts";
import { API, basicOf, introspect, OTHER_API, revoke } from "./resource-server.ts";

const DAY = 86_400;

async function signedIn(login: object = {}) {
  const authority = await startAuthority(WITH_API_TOKENS);
  return { authority, session: await authority.signedIn({ login }) };
}

async function keySetAt(authority: TestAuthority, path: string): Promise<JSONWebKeySet> {
  return (await authority.call("GET", path)).body as JSONWebKeySet;
}

const API_TOKEN_KEYS = "/.well-known/api-token-jwks.json";

describe("making an API token", () => {
  it("answers it once, as a JWT of its own type in a form that scanners know; the list has all but the token", async () => {
    const { authority, session } = await signedIn();
    const answer = await make(authority, session, { expires_in: 7 * DAY });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const { token, api_token: summary } = answer.body as Awaited<ReturnType<typeof made>>;

    expect(API_TOKEN_PATTERN.exec(`export TOKEN=${token};`)?.[0]).toBe(token);
    const jwt = parseApiToken(token) ?? "";
    expect(decodeProtectedHeader(jwt)).toMatchObject({ alg: "ES256", typ: "latchkey-api+jwt" });
    expect(decodeJwt(jwt)).toEqual({
      iss: ISSUER,
      sub: session.user.id,
      aud: API,
      client_id: "first-party",
      iat: authority.now(),
      exp: authority.now() + 7 * DAY,
      jti: summary.id,
      scope: "read:a",
    });
    expect(summary).toEqual({
      id: expect.any(String),
      name: "nightly backup",
      scope: "read:a",
      audience: API,
      token_type: "Bearer",
      created_at: new Date(authority.now() * 1000).toISOString(),
      expires_at: new Date((authority.now() + 7 * DAY) * 1000).toISOString(),
      last_used_at: null,
    });
    expect(await listed(authority, session)).toEqual([summary]);
    expect(crc32(token)).not.toBe(0);
  });

  it("lives for 90 days unless it is asked for otherwise, and never longer than a year", async () => {
    const { authority, session } = await signedIn();
    const { token } = await made(authority, session);
    const { iat = 0, exp = 0 } = decodeJwt(parseApiToken(token) ?? "");
    expect(exp - iat).toBe(90 * DAY);
    await made(authority, session, { expires_in: 365 * DAY });
    expectRefusal(await make(authority, session, { expires_in: 365 * DAY + 1 }), 400, "invalid_request");
  });

  it("gives no scope that the session lacks, and none without any, and no other API than those there are", async () => {
    const { authority, session } = await signedIn({ scope: "read:a" });
    for (const changes of [
      { scope: "write:a" },
      { scope: "read:a admin" },
      { scope: "made:up" },
      { scope: " " },
      { audience: "https://made-up.example.com" },
      { expires_in: 59 },
      { expires_in: 1.5 },
      { name: "" },
      { name: "two\nlines" },
      { name: "\u202Ename" },
      { name: "x".repeat(101) },
      { dpop_jkt: "short" },
      { roles: ["admin"] },
      { id: "chosen" },
    ]) {
      expectRefusal(await make(authority, session, changes), 400, "invalid_request");
    }
    expect(await listed(authority, session)).toEqual([]);
  });

  it("is for the API of the access token it is made with: no API that is sent one makes tokens for another (C-06)", async () => {
    const { authority, session } = await signedIn();
    expectRefusal(await make(authority, session, { audience: OTHER_API }), 400, "invalid_request");
    const elsewhere = await authority.signedIn({ login: { audience: OTHER_API } });
    expectRefusal(await make(authority, elsewhere, { audience: API }), 400, "invalid_request");
    const { api_token: summary } = await made(authority, elsewhere);
    expect(summary).toMatchObject({ audience: OTHER_API, scope: "read:a" });
  });

  it("by a session cookie, is for any API that the authorize hook lets its user have (SE-05, E-08)", async () => {
    let denied = OTHER_API;
    const authorize: AuthorizeHook = ({ session }) => session.audience !== denied;
    const authority = await startAuthority({ ...WITH_API_TOKENS, hooks: { authorize } });
    const { jar, take, header } = cookieJar();
    const json = { email: "ada@example.com", password: PASSWORD };
    await authority.call("POST", "/auth/signup", { json });
    take(
      await authority.call("POST", "/auth/login", {
        json: { ...json, transport: "session" },
        headers: { Origin: ISSUER },
      }),
    );
    const csrf = [...jar].find(([name]) => name.includes("csrf"))?.[1] ?? "";
    const makeFor = (audience: string) =>
      authority.call("POST", "/auth/tokens", {
        json: { name: "backup", scope: "read:a", audience },
        headers: { Cookie: header(), Origin: ISSUER, "X-CSRF-Token": csrf },
      });

    expectRefusal(await makeFor(OTHER_API), 400, "invalid_request");
    expect((await makeFor(API)).status).toBe(201);
    denied = "";
    expect((await makeFor(OTHER_API)).status).toBe(201);
  });

  it("takes a sign-in of the last 15 minutes, however fresh the access token is (RFC 9470)", async () => {
    const { authority, session } = await signedIn();
    authority.advance(900);
    const refreshed = (await authority.refresh(session.refresh_token)).body as typeof session;
    await made(authority, refreshed);
    authority.advance(1);
    const refused = await make(authority, refreshed);
    expectRefusal(refused, 401, "insufficient_user_authentication");
    expect(refused.headers.get("www-authenticate")).toMatch(
      /^Bearer error="insufficient_user_authentication", .*max_age="900"$/,
    );
    await made(authority, await authority.signedIn());
  });

  it("is refused past 50 live ones, and possible again once one is revoked", async () => {
    const authority = await startAuthority({ ...WITH_API_TOKENS, apiTokens: { maxPerUser: 2 } });
    const session = await authority.signedIn();
    const { api_token: first } = await made(authority, session);
    await made(authority, session);
    expectRefusal(await make(authority, session), 400, "invalid_request");
    await authority.call("DELETE", `/auth/tokens/${first.id}`, { token: session.access_token });
    await made(authority, session);
  });

  it("OP-04: is refused past twice as many a day, though they are revoked: each is on the feed until it would expire", async () => {
    const authority = await startAuthority({ ...WITH_API_TOKENS, apiTokens: { maxPerUser: 2 } });
    const session = await authority.signedIn();
    for (let tokens = 0; tokens < 4; tokens++) {
      const { api_token: token } = await made(authority, session);
      await authority.call("DELETE", `/auth/tokens/${token.id}`, { token: session.access_token });
    }
    const refused = await make(authority, session);
    expectRefusal(refused, 429, "rate_limited");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(3_600);
    await made(authority, await authority.signedIn({ email: "eve@example.com" }));
  });

  it("BR-02: by a session cookie, takes an allowed origin and the CSRF token of the session", async () => {
    const authority = await startAuthority(WITH_API_TOKENS);
    const { jar, take, header } = cookieJar();
    const json = { email: "ada@example.com", password: PASSWORD };
    await authority.call("POST", "/auth/signup", { json });
    const signIn = { json: { ...json, transport: "session" }, headers: { Origin: ISSUER } };
    take(await authority.call("POST", "/auth/login", signIn));
    const csrf = [...jar].find(([name]) => name.includes("csrf"))?.[1] ?? "";
    const send = (headers: Record<string, string>) =>
      authority.call("POST", "/auth/tokens", {
        json: { name: "backup", scope: "read:a" },
        headers: { Cookie: header(), ...headers },
      });

    expectRefusal(await send({}), 403, "origin_not_allowed");
    expectRefusal(await send({ Origin: "https://evil.example.com", "X-CSRF-Token": csrf }), 403, "origin_not_allowed");
    expectRefusal(await send({ "Sec-Fetch-Site": "same-site", "X-CSRF-Token": csrf }), 403, "origin_not_allowed");
    expectRefusal(await send({ Origin: ISSUER }), 403, "csrf_failed");
    expect((await send({ Origin: ISSUER, "X-CSRF-Token": csrf })).status).toBe(201);
    expect((await send({ "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": csrf })).status).toBe(201);
  });

  it("of many at once during a change of the password leaves none alive", async () => {
    const { authority, session } = await signedIn();
    const changing = authority.call("POST", "/auth/password", {
      token: session.access_token,
      json: { current_password: PASSWORD, new_password: "another battery staple horse" },
    });
    const answers = await Promise.all([...Array(10)].map(async () => make(authority, session)));
    expect((await changing).status).toBe(204);
    const before = answers.filter(({ status }) => status === 201);
    const alive = new Set((await listed(authority, session)).map(({ id }) => id));
    // The session that changed it goes on, and may have made some with the new password.
    for (const { body } of before) {
      const { token, api_token: summary } = body as Awaited<ReturnType<typeof made>>;
      expect((await introspect(authority, token)).body).toMatchObject({ active: alive.has(summary.id) });
    }
  });
});

describe("an API token", () => {
  it.each([
    ["GET", "/auth/me"],
    ["DELETE", "/auth/me"],
    ["GET", "/auth/sessions"],
    ["DELETE", "/auth/sessions/any"],
    ["POST", "/auth/logout-all"],
    ["POST", "/auth/password"],
    ["GET", "/auth/tokens"],
    ["POST", "/auth/tokens"],
    ["DELETE", "/auth/tokens"],
    ["DELETE", "/auth/tokens/any"],
  ])("is refused at %s %s, whole or as the JWT inside", async (method, path) => {
    const { authority, session } = await signedIn({ scope: "read:a write:a admin" });
    const { token } = await made(authority, session, { scope: "read:a write:a admin" });
    const json = method === "POST" ? { name: "x", scope: "read:a" } : undefined;
    for (const presented of [token, parseApiToken(token) ?? ""]) {
      expectRefusal(
        await authority.call(method, path, { token: presented, ...(json && { json }) }),
        401,
        "invalid_token",
      );
    }
    expect(await listed(authority, session)).toHaveLength(1);
    expectRefusal(await authority.refresh(token), 401, "session_ended");
  });

  it("A-01 C-06: is signed with a key that who knows the key set of access tokens does not know, and the other way about", async () => {
    const { authority, session } = await signedIn();
    const { token } = await made(authority, session);
    const jwt = parseApiToken(token) ?? "";
    const accessTokenKeys = createLocalJWKSet(await keySetAt(authority, "/.well-known/jwks.json"));
    const apiTokenKeys = createLocalJWKSet(await keySetAt(authority, API_TOKEN_KEYS));
    const currentDate = new Date(authority.now() * 1000);
    await expect(jwtVerify(jwt, accessTokenKeys, { currentDate })).rejects.toThrow("no applicable key");
    await expect(jwtVerify(session.access_token, apiTokenKeys, { currentDate })).rejects.toThrow("no applicable key");
    const options = { currentDate, issuer: ISSUER, audience: API, typ: "latchkey-api+jwt" };
    await expect(jwtVerify(jwt, apiTokenKeys, options)).resolves.toMatchObject({ payload: { scope: "read:a" } });
    const { body } = await authority.call("GET", "/.well-known/openid-configuration");
    expect(body).toMatchObject({ api_token_jwks_uri: `${ISSUER}${API_TOKEN_KEYS}` });
  });

  it("is in no database file, log or event; and neither is its name once it is revoked", async () => {
    const { authority, session } = await signedIn();
    const { token, api_token: summary } = await made(authority, session, { name: "a telling name" });
    await authority.call("DELETE", `/auth/tokens/${summary.id}`, { token: session.access_token });
    const store = createSqliteStore({ path: authority.path });
    const events = JSON.stringify(await store.events.listEvents(0, 1_000));
    const row = JSON.stringify(await store.apiTokens.findApiToken(summary.id));
    await store.close();
    const secret = (parseApiToken(token) ?? "").split(".")[2] ?? "none";
    for (const text of [events, row, authority.logs.join("\n"), readFileSync(authority.path, "latin1")]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain("lk_api_");
    }
    expect(events + row).not.toContain("a telling name");
    expect(events).toContain('"type":"api_token_created"');
    expect(events).toContain('"type":"api_token_revoked"');
  });

  it("is bound to a key where a thumbprint is given", async () => {
    const { authority, session } = await signedIn();
    const jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    const { token, api_token: summary } = await made(authority, session, { dpop_jkt: jkt });
    expect(decodeJwt(parseApiToken(token) ?? "")).toMatchObject({ cnf: { jkt } });
    expect(summary.token_type).toBe("DPoP");
    expect((await introspect(authority, token)).body).toMatchObject({ active: true, token_type: "DPoP", cnf: { jkt } });
  });
});

describe("revoking API tokens", () => {
  it("ends one, for good, and no other; another user's is not found", async () => {
    const { authority, session } = await signedIn();
    const stranger = await authority.signedIn({ email: "eve@example.com" });
    const [one, other] = [await made(authority, session), await made(authority, session)];
    const path = `/auth/tokens/${one.api_token.id}`;

    expectRefusal(await authority.call("DELETE", path, { token: stranger.access_token }), 404, "not_found");
    expectRefusal(
      await authority.call("DELETE", "/auth/tokens/none", { token: session.access_token }),
      404,
      "not_found",
    );
    expect((await authority.call("DELETE", path, { token: session.access_token })).status).toBe(204);
    expect((await authority.call("DELETE", path, { token: session.access_token })).status).toBe(204);

    expect(await listed(authority, session)).toEqual([other.api_token]);
    expect((await introspect(authority, one.token)).body).toEqual({ active: false });
    expect((await introspect(authority, other.token)).body).toMatchObject({ active: true });
  });

  it("ends all of them, and nobody else's", async () => {
    const { authority, session } = await signedIn();
    const stranger = await authority.signedIn({ email: "eve@example.com" });
    const tokens = [await made(authority, session), await made(authority, session)];
    const foreign = await made(authority, stranger);
    expect((await authority.call("DELETE", "/auth/tokens", { token: session.access_token })).status).toBe(204);
    expect(await listed(authority, session)).toEqual([]);
    for (const { token } of tokens) expect((await introspect(authority, token)).body).toEqual({ active: false });
    expect((await introspect(authority, foreign.token)).body).toMatchObject({ active: true });
  });

  it("signing out, everywhere too, ends none: they are no sessions", async () => {
    const { authority, session } = await signedIn();
    const { token } = await made(authority, session);
    await authority.call("POST", "/auth/logout-all", { token: session.access_token });
    expect((await introspect(authority, token)).body).toMatchObject({ active: true });
  });

  it("SE-05: a new password ends all of them, also for the session that goes on", async () => {
    const { authority, session } = await signedIn();
    const { token } = await made(authority, session);
    const json = { current_password: PASSWORD, new_password: "another battery staple horse" };
    await authority.call("POST", "/auth/password", { token: session.access_token, json });
    expect((await introspect(authority, token)).body).toEqual({ active: false });
    expect(await listed(authority, session)).toEqual([]);
  });

  it("SE-05: the deletion of the account ends all of them", async () => {
    const { authority, session } = await signedIn();
    const { token } = await made(authority, session);
    await authority.call("DELETE", "/auth/me", { token: session.access_token, json: { password: PASSWORD } });
    expect((await introspect(authority, token)).body).toEqual({ active: false });
  });

  it("RV-01 RV-02: by RFC 7009, ends it for its own client, and 200 for what is none", async () => {
    const authority = await startAuthority({ ...WITH_API_TOKENS, clientIds: ["first-party", "phone"] });
    const session = await authority.signedIn();
    const { token } = await made(authority, session);
    expectRefusal(await revoke(authority, token, { client_id: "phone" }), 400, "invalid_grant");
    expect((await introspect(authority, token)).body).toMatchObject({ active: true });
    for (const text of [`${token}x`, token.slice(0, -1), "lk_api_", "lk_api_a.b.c_000000"]) {
      expect((await revoke(authority, text)).status).toBe(200);
    }
    expect((await introspect(authority, token)).body).toMatchObject({ active: true });
    expect((await revoke(authority, token)).status).toBe(200);
    expect((await introspect(authority, token)).body).toEqual({ active: false });
    expect((await revoke(authority, token)).status).toBe(200);
  });

  it("SG-02: sets a bit in a status list, until the token would have expired", async () => {
    const authority = await startAuthority({ ...WITH_API_TOKENS, statusList: true });
    const session = await authority.signedIn();
    const [one, other] = [await made(authority, session), await made(authority, session)];
    const status = async ({ token }: { readonly token: string }): Promise<number> => {
      const { idx, uri } = getStatusListFromJWT(parseApiToken(token) ?? "");
      const list = await (await authority.server.fetch(new Request(uri))).text();
      return getListFromStatusListJWT(list).getStatus(idx);
    };
    expect([await status(one), await status(other)]).toEqual([0, 0]);
    await authority.call("DELETE", `/auth/tokens/${one.api_token.id}`, { token: session.access_token });
    expect([await status(one), await status(other)]).toEqual([1, 0]);
    authority.advance(89 * DAY);
    expect([await status(one), await status(other)]).toEqual([1, 0]);
    expect(getStatusListFromJWT(parseApiToken(one.token) ?? "")).not.toEqual(
      getStatusListFromJWT(session.access_token),
    );
  });
});

describe("introspection of an API token (RFC 7662)", () => {
  it("IN-02 IN-03: tells a resource server that takes them of its own audience's, and nobody else", async () => {
    const { authority, session } = await signedIn();
    const { token, api_token: summary } = await made(authority, session);
    const foreign = await made(authority, await authority.signedIn({ login: { audience: OTHER_API } }));

    expect((await introspect(authority, token, "api")).body).toEqual({
      active: true,
      token_type: "Bearer",
      ...decodeJwt(parseApiToken(token) ?? ""),
    });
    expect(summary.id).toBe(decodeJwt(parseApiToken(token) ?? "").jti);
    expect((await introspect(authority, foreign.token, "api")).body).toEqual({ active: false });
    // Its own audience's, but it has not said that it takes API tokens.
    expect((await introspect(authority, foreign.token, "other")).body).toEqual({ active: false });
  });

  it("says no of the JWT inside, of one with another checksum, and of one that has expired", async () => {
    const { authority, session } = await signedIn();
    const { token } = await made(authority, session, { expires_in: 60 });
    for (const text of [parseApiToken(token) ?? "", `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`]) {
      expect((await introspect(authority, text)).body).toEqual({ active: false });
    }
    expect((await introspect(authority, token)).body).toMatchObject({ active: true });
    authority.advance(60);
    expect((await introspect(authority, token)).body).toEqual({ active: false });
  });

  it("knows one that another node made a moment ago, with a key that this one has not read", async () => {
    const { authority, session } = await signedIn();
    const another = createAuthServer({
      ...WITH_API_TOKENS,
      issuer: ISSUER,
      store: createSqliteStore({ path: authority.path }),
      masterSecret: MASTER_SECRET,
      clock: authority.now,
    });
    await another.ready();
    const { token } = await made(authority, session);
    const answer = await another.fetch(
      new Request(`${ISSUER}/oauth/introspect`, {
        method: "POST",
        body: new URLSearchParams({ token }),
        headers: { Authorization: basicOf("api") },
      }),
    );
    expect(await answer.json()).toMatchObject({ active: true });
    await another.close();
  });
});

describe("the last use of an API token", () => {
  const report = async (authority: TestAuthority, uses: unknown, id = "api") =>
    authority.call("POST", "/api-tokens/uses", { json: { uses }, headers: { Authorization: basicOf(id) } });

  it("is the hour that its API reports, and only goes on", async () => {
    const { authority, session } = await signedIn();
    const { api_token: one } = await made(authority, session);
    const hour = Math.floor(authority.now() / 3_600);
    authority.advance(7_200);
    const again = await authority.signedIn();

    expect((await report(authority, [[one.id, hour + 1]])).status).toBe(204);
    expect((await report(authority, [[one.id, hour]])).status).toBe(204);
    // A clock that is wrong must not hide what comes.
    expect((await report(authority, [[one.id, hour + 100]])).status).toBe(204);
    expect((await listed(authority, again))[0]?.last_used_at).toBe(new Date((hour + 1) * 3_600_000).toISOString());
  });

  it("is taken from APIs that take the tokens alone, and for their own audiences", async () => {
    const { authority, session } = await signedIn({ audience: OTHER_API });
    const { api_token: foreign } = await made(authority, session);
    const hour = Math.floor(authority.now() / 3_600);
    expectRefusal(await report(authority, [[foreign.id, hour]], "nobody"), 401, "invalid_client");
    expectRefusal(await report(authority, [[foreign.id, hour]], "other"), 404, "not_found");
    expect((await report(authority, [[foreign.id, hour]])).status).toBe(204);
    expect((await report(authority, [["unknown", hour]])).status).toBe(204);
    expect((await listed(authority, session))[0]?.last_used_at).toBeNull();
    for (const uses of [
      [["id"]],
      [["id", 1, 2]],
      [["id", -1]],
      [["", 1]],
      "uses",
      [...Array(501)].map(() => ["id", 1]),
    ]) {
      expectRefusal(await report(authority, uses), 400, "invalid_request");
    }
  });
});

describe("an authority without API tokens", () => {
  it("has none of it, and says so nowhere", async () => {
    const { apiTokens: _, ...without } = WITH_API_TOKENS;
    const authority = await startAuthority(without);
    const session = await authority.signedIn();
    expectRefusal(await make(authority, session), 404, "not_found");
    for (const [method, path] of [
      ["GET", "/auth/tokens"],
      ["DELETE", "/auth/tokens"],
      ["DELETE", "/auth/tokens/any"],
      ["GET", API_TOKEN_KEYS],
    ] as const) {
      expectRefusal(await authority.call(method, path, { token: session.access_token }), 404, "not_found");
    }
    const { body } = await authority.call("GET", "/.well-known/openid-configuration");
    expect(JSON.stringify(body)).not.toContain("api");
    expect(await introspect(authority, "lk_api_a.b.c_000000")).toMatchObject({ status: 200, body: { active: false } });
  });

  it.each([
    ["no scopes", { scopes: { allowed: [] } }],
    [
      "HS256 alone",
      { audiences: [{ audience: API, alg: "HS256", sharedSecret: "x".repeat(32) }], resourceServers: [] },
    ],
    ["the type JWT alone", { audiences: [{ audience: API, typ: "JWT" }], resourceServers: [] }],
    ["a default longer than the most", { apiTokens: { defaultLifetimeSeconds: 120, maxLifetimeSeconds: 60 } }],
    ["more than a year", { apiTokens: { maxLifetimeSeconds: 400 * DAY } }],
    ["a field that is none", { apiTokens: { lifetime: 1 } }],
  ])("OP-05: does not start with them and %s", async (_, changes) => {
    const options = { ...WITH_API_TOKENS, ...changes } as Parameters<typeof startAuthority>[0];
    await expect(startAuthority(options)).rejects.toThrow(/apiTokens/);
  });

  it("has none for an API with a shared secret, or whose tokens are of the type JWT, beside others", async () => {
    const hs256 = { audience: "https://hs.example.com", alg: "HS256" as const, sharedSecret: "x".repeat(32) };
    const untyped = { audience: "https://jwt.example.com", typ: "JWT" as const };
    const authority = await startAuthority({ ...WITH_API_TOKENS, audiences: [API, OTHER_API, hs256, untyped] });
    for (const { audience } of [hs256, untyped]) {
      const session = await authority.signedIn({ login: { audience } });
      expectRefusal(await make(authority, session), 400, "invalid_request");
    }
    await made(authority, await authority.signedIn());
  });
});
