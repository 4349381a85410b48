import { createLocalJWKSet, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";

import { expectRefusal, granted, ISSUER, PASSWORD, startAuthority } from "../authority.ts";
import { createDpopClient } from "../dpop-client.ts";
import { API, basicOf, form, introspect, OTHER_API, revoke, WITH_RESOURCE_SERVERS } from "./resource-server.ts";

const INACTIVE = { active: false };

describe("introspection of an access token", () => {
  it("IN-03: tells all that RFC 7662 names, and the session", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const session = await authority.signedIn({ login: { scope: "read:a" } });
    const answer = await introspect(authority, session.access_token);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.body).toEqual({
      active: true,
      token_type: "Bearer",
      scope: "read:a",
      client_id: "first-party",
      sub: session.user.id,
      aud: API,
      iss: ISSUER,
      iat: 1_800_000_000,
      exp: 1_800_000_600,
      jti: expect.any(String),
      sid: session.session_id,
      auth_time: 1_800_000_000,
      amr: ["pwd"],
      acr: "aal1",
    });
  });

  it("IN-03: tells which key a bound token must be used with", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const client = await createDpopClient(() => 1_800_000_000);
    await authority.signedIn();
    const bound = granted(
      await authority.call("POST", "/auth/login", {
        json: { email: "ada@example.com", password: PASSWORD },
        headers: { ...(await client.prove("POST", "/auth/login")) },
      }),
    );
    expect((await introspect(authority, bound.access_token)).body).toMatchObject({
      active: true,
      token_type: "DPoP",
      cnf: { jkt: client.jkt },
    });
  });

  it("IN-02: is exactly inactive from the second it expires in, whatever verifiers forgive", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const { access_token: token } = await authority.signedIn();
    authority.advance(599);
    expect((await introspect(authority, token)).body).toMatchObject({ active: true });
    authority.advance(1);
    expect((await introspect(authority, token)).body).toEqual(INACTIVE);
    authority.advance(3_600);
    expect((await introspect(authority, token)).body).toEqual(INACTIVE);
  });

  it("IN-02: is exactly inactive for an API that the token is not for", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const { access_token: token } = await authority.signedIn({ login: { audience: API } });
    expect((await introspect(authority, token, "api")).body).toMatchObject({ active: true, aud: API });
    expect((await introspect(authority, token, "other")).body).toEqual(INACTIVE);
    const { access_token: others } = await authority.signedIn({ login: { audience: OTHER_API } });
    expect((await introspect(authority, others, "api")).body).toEqual(INACTIVE);
    expect((await introspect(authority, others, "gateway")).body).toMatchObject({ active: true, aud: OTHER_API });
  });

  it.each([
    [
      "its session was signed out",
      async (authority, session) => {
        await authority.call("POST", "/auth/logout", { json: { refresh_token: session.refresh_token } });
      },
    ],
    [
      "RV-03: its session's refresh token was revoked",
      async (authority, session) => {
        await revoke(authority, session.refresh_token);
      },
    ],
    [
      "RV-02: it was revoked itself",
      async (authority, session) => {
        await revoke(authority, session.access_token);
      },
    ],
    [
      "E-05: its session's refresh token was stolen",
      async (authority, session) => {
        granted(await authority.refresh(session.refresh_token));
        authority.advance(11);
        await authority.refresh(session.refresh_token);
      },
    ],
    [
      "its user's account was deleted",
      async (authority, session) => {
        await authority.call("DELETE", "/auth/me", { token: session.access_token, json: { password: PASSWORD } });
      },
    ],
    [
      "its user's roles have changed since",
      async (authority) => {
        await authority.server.setRoles("ada@example.com", ["admin"]);
      },
    ],
  ] satisfies [
    string,
    (
      authority: Awaited<ReturnType<typeof startAuthority>>,
      session: Awaited<ReturnType<Awaited<ReturnType<typeof startAuthority>>["signedIn"]>>,
    ) => Promise<void>,
  ][])("IN-02: is exactly inactive once %s", async (_what, end) => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const session = await authority.signedIn();
    expect((await introspect(authority, session.access_token)).body).toMatchObject({ active: true });
    await end(authority, session);
    expect((await introspect(authority, session.access_token)).body).toEqual(INACTIVE);
  });

  it("is active again with the new roles after a refresh", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const session = await authority.signedIn();
    await authority.server.setRoles("ada@example.com", ["admin"]);
    const next = granted(await authority.refresh(session.refresh_token));
    expect((await introspect(authority, next.access_token)).body).toMatchObject({
      active: true,
      roles: ["admin"],
      claims_epoch: 1,
    });
  });

  it.each([
    ["no token at all", "x"],
    ["an unsigned token", "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30."],
    ["64 kB", "x".repeat(60_000)],
  ])("IN-02: is exactly inactive for %s", async (_what, token) => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    expect(await introspect(authority, token)).toMatchObject({ status: 200, body: INACTIVE });
  });

  it("IN-02: is exactly inactive for a token of another authority, and for one that was changed", async () => {
    const [authority, another] = [
      await startAuthority(WITH_RESOURCE_SERVERS),
      await startAuthority(WITH_RESOURCE_SERVERS),
    ];
    const { access_token: foreign } = await another.signedIn();
    const { access_token: ours } = await authority.signedIn();
    expect((await introspect(authority, foreign)).body).toEqual(INACTIVE);
    expect((await introspect(authority, `${ours.slice(0, -8)}AAAAAAAA`)).body).toEqual(INACTIVE);
  });

  it("answers 503 where the store cannot say, never that a token is good or bad", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const { access_token: token } = await authority.signedIn();
    await authority.server.close();
    const answer = await introspect(authority, token);
    expectRefusal(answer, 503, "unavailable");
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
  });
});

describe("introspection of a refresh token", () => {
  it("knows the live one, says that it is for the authority alone, and never tells its secret", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const session = await authority.signedIn({ login: { scope: "read:a" } });
    const { body } = await introspect(authority, session.refresh_token);
    expect(body).toEqual({
      active: true,
      token_type: "N_A",
      iss: ISSUER,
      aud: ISSUER,
      sub: session.user.id,
      client_id: "first-party",
      scope: "read:a",
      sid: session.session_id,
      iat: 1_800_000_000,
      exp: 1_800_000_000 + 7 * 86_400,
    });
  });

  it("IN-02: is exactly inactive once it was exchanged, for the old one alone", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const session = await authority.signedIn();
    const next = granted(await authority.refresh(session.refresh_token));
    expect((await introspect(authority, session.refresh_token)).body).toEqual(INACTIVE);
    expect((await introspect(authority, next.refresh_token)).body).toMatchObject({ active: true });
  });

  it("IN-02: is exactly inactive once the session has ended, and for another API's session", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const { refresh_token: token } = await authority.signedIn();
    expect((await introspect(authority, token, "other")).body).toEqual(INACTIVE);
    await revoke(authority, token);
    expect((await introspect(authority, token)).body).toEqual(INACTIVE);
    const { refresh_token: expired } = await authority.signedIn();
    authority.advance(7 * 86_400);
    expect((await introspect(authority, expired)).body).toEqual(INACTIVE);
  });
});

describe("who introspects", () => {
  it.each([
    ["nobody", {}],
    ["a wrong secret", { Authorization: `Basic ${Buffer.from(`gateway:${"x".repeat(40)}`).toString("base64")}` }],
    ["an unknown id", { Authorization: `Basic ${Buffer.from(`nobody:${"x".repeat(40)}`).toString("base64")}` }],
  ])("IN-01: is refused with a challenge: %s", async (_what, headers) => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const { access_token: token } = await authority.signedIn();
    const call = form({ token });
    const answer = await authority.call("POST", "/oauth/introspect", {
      ...call,
      headers: { ...call.headers, ...headers },
    });
    expectRefusal(answer, 401, "invalid_client");
    expect(answer.headers.get("www-authenticate")).toBe('Basic realm="latchkey", charset="UTF-8"');
  });

  it("IN-01: is refused with an access token in place of credentials, and with credentials in the body", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const { access_token: token } = await authority.signedIn();
    const call = form({ token, client_id: "gateway", client_secret: "gateway-secret-of-at-least-32-characters" });
    expectRefusal(await authority.call("POST", "/oauth/introspect", { ...call, token }), 401, "invalid_client");
    expectRefusal(await authority.call("POST", "/oauth/introspect", call), 401, "invalid_client");
  });

  it("IN-01: is refused where no resource server is configured, and nothing is advertised", async () => {
    const authority = await startAuthority();
    const { access_token: token } = await authority.signedIn();
    expectRefusal(await introspect(authority, token), 401, "invalid_client");
    const metadata = (await authority.call("GET", "/.well-known/oauth-authorization-server")).body;
    expect(metadata).not.toHaveProperty("introspection_endpoint");
  });

  it("is told by the metadata where, and how", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    expect((await authority.call("GET", "/.well-known/oauth-authorization-server")).body).toMatchObject({
      introspection_endpoint: `${ISSUER}/oauth/introspect`,
      introspection_endpoint_auth_methods_supported: ["client_secret_basic"],
      introspection_signing_alg_values_supported: ["ES256"],
    });
  });

  it("IN-01: is slowed down after 600 tokens a minute that are none, and still told of those that are", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const { access_token: token } = await authority.signedIn();
    for (let asked = 0; asked < 600; asked++) {
      expect((await introspect(authority, `guess-${asked}`)).body).toEqual(INACTIVE);
    }
    const refused = await introspect(authority, "one-more-guess");
    expectRefusal(refused, 429, "rate_limited");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await introspect(authority, token)).body).toMatchObject({ active: true });
    expect((await introspect(authority, "guess", "api")).body).toEqual(INACTIVE);
    authority.advance(60);
    expect((await introspect(authority, "guess")).body).toEqual(INACTIVE);
  });

  it("F-15: pages of any origin can read nothing", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const call = form({ token: "x" });
    const { headers } = await authority.call("POST", "/oauth/introspect", {
      ...call,
      headers: { ...call.headers, Authorization: basicOf("gateway"), Origin: ISSUER },
    });
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  it.each([
    ["no token", form({}), 400, "invalid_request"],
    ["an empty token", form({ token: "" }), 400, "invalid_request"],
    ["two tokens", { ...form({}), text: "token=a&token=b" }, 400, "invalid_request"],
    ["JSON", { json: { token: "a" }, headers: {} }, 415, "unsupported_media_type"],
    ["too much", form({ token: "x".repeat(70_000) }), 413, "payload_too_large"],
  ] as const)("is refused for %s", async (_what, call, status, code) => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const headers = { ...call.headers, Authorization: basicOf("gateway") };
    expectRefusal(await authority.call("POST", "/oauth/introspect", { ...call, headers }), status, code);
  });
});

describe("introspection as a signed JWT (RFC 9701)", () => {
  const MEDIA_TYPE = "application/token-introspection+jwt";

  async function introspectWith(accept: string, end = false) {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const session = await authority.signedIn();
    if (end) await revoke(authority, session.refresh_token);
    const { text, headers } = form({ token: session.access_token });
    const answer = await authority.server.fetch(
      new Request(`${ISSUER}/oauth/introspect`, {
        method: "POST",
        body: text,
        headers: { ...headers, Authorization: basicOf("api"), Accept: accept },
      }),
    );
    const keys = (await authority.call("GET", "/.well-known/jwks.json")).body as { keys: [] };
    return { answer, keys: createLocalJWKSet(keys), session };
  }

  it("IN-03: is verified by jose with the published keys, for the resource server that asked", async () => {
    const { answer, keys, session } = await introspectWith(MEDIA_TYPE);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe(MEDIA_TYPE);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const { payload } = await jwtVerify(await answer.text(), keys, {
      issuer: ISSUER,
      audience: "api",
      typ: "token-introspection+jwt",
      currentDate: new Date(1_800_000_000_000),
    });
    expect(payload).toEqual({
      iss: ISSUER,
      aud: "api",
      iat: 1_800_000_000,
      token_introspection: expect.objectContaining({ active: true, aud: API, sid: session.session_id }),
    });
  });

  it("IN-02: is exactly inactive within", async () => {
    const { answer, keys } = await introspectWith(MEDIA_TYPE, true);
    const { payload } = await jwtVerify(await answer.text(), keys);
    expect(payload["token_introspection"]).toEqual(INACTIVE);
  });

  it.each([
    ["*/*", "application/json"],
    ["application/json", "application/json"],
    [`${MEDIA_TYPE};q=0`, "application/json"],
    [`${MEDIA_TYPE};q=0.5, application/json`, "application/json"],
    [`application/json;q=0.9, ${MEDIA_TYPE}`, MEDIA_TYPE],
    [MEDIA_TYPE.toUpperCase(), MEDIA_TYPE],
  ])("for Accept: %s is %s", async (accept, mediaType) => {
    expect((await introspectWith(accept)).answer.headers.get("content-type")).toBe(mediaType);
  });
});
