import { createHash } from "node:crypto";

import { createLocalJWKSet, decodeJwt, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";

import { expectRefusal, ISSUER } from "../../authority.ts";
import type { OAuthWorld, TokenAnswer } from "./oauth-world.ts";
import { API, expectTokens, LEDGER, OPTIONS, SHOP, startOAuth } from "./oauth-world.ts";

async function verifyIdToken({ authority }: OAuthWorld, { id_token: token = "" }: TokenAnswer) {
  const { body } = await authority.call("GET", "/.well-known/jwks.json");
  return jwtVerify(token, createLocalJWKSet(body as { keys: [] }), {
    issuer: ISSUER,
    audience: "shop",
    currentDate: new Date(authority.now() * 1_000),
  });
}

describe("an ID token", () => {
  it("OI-01: says who signed in, when and how, to this client, and is tied to its access token", async () => {
    const { idTokenAlg: _alg, ...shop } = SHOP;
    const world = await startOAuth({ clients: [shop] });
    const signedInAt = world.authority.now();
    await world.signIn();
    world.authority.advance(30);
    const tokens = expectTokens(await world.redeem(await world.obtainCode({ nonce: "n-0S6_WzA2Mj" })));
    const { payload, protectedHeader } = await verifyIdToken(world, tokens);
    expect(protectedHeader).toEqual({ alg: "RS256", typ: "JWT", kid: expect.any(String) });
    const { sub, sid } = decodeJwt(tokens.access_token);
    expect(payload).toEqual({
      iss: ISSUER,
      sub,
      aud: "shop",
      iat: world.authority.now(),
      exp: world.authority.now() + 600,
      auth_time: signedInAt,
      nonce: "n-0S6_WzA2Mj",
      at_hash: createHash("sha256").update(tokens.access_token).digest().subarray(0, 16).toString("base64url"),
      sid,
      amr: ["pwd"],
      acr: "aal1",
    });
  });

  it("OI-02: comes with each refresh, about the same sign-in, and without the nonce", async () => {
    const world = await startOAuth();
    const first = expectTokens(await world.redeem(await world.obtainCode({ nonce: "once" })));
    const { payload: before } = await verifyIdToken(world, first);
    world.authority.advance(3_600);
    const second = expectTokens(await world.refresh(first.refresh_token));
    const { payload: after } = await verifyIdToken(world, second);
    for (const claim of ["iss", "sub", "aud", "auth_time", "amr", "acr", "sid"])
      expect(after[claim]).toEqual(before[claim]);
    expect(after.iat).toBe(world.authority.now());
    expect(after).not.toHaveProperty("nonce");
  });

  it("is for who asks for openid alone", async () => {
    const world = await startOAuth();
    const tokens = expectTokens(await world.redeem(await world.obtainCode({ scope: "orders:read" })));
    expect(tokens).not.toHaveProperty("id_token");
  });

  it("is no access token, of no API and of no route", async () => {
    const world = await startOAuth();
    const { id_token: token = "" } = expectTokens(await world.redeem(await world.obtainCode()));
    for (const path of ["/oauth/userinfo", "/auth/me"]) {
      expectRefusal(await world.authority.call("GET", path, { token }), 401, "invalid_token");
    }
  });

  it("is signed with what the client takes", async () => {
    for (const idTokenAlg of ["PS256", "ES256"] as const) {
      const world = await startOAuth({ clients: [{ ...SHOP, idTokenAlg }] });
      const tokens = expectTokens(await world.redeem(await world.obtainCode()));
      expect((await verifyIdToken(world, tokens)).protectedHeader.alg).toBe(idTokenAlg);
    }
  });
});

describe("OI-03: userinfo", () => {
  it.each([
    ["openid", {}],
    ["openid email", { email: "ada@example.com", email_verified: false }],
    ["openid profile", {}],
  ])("says by the scope %s what the client may know", async (scope, more) => {
    const world = await startOAuth();
    const tokens = expectTokens(await world.redeem(await world.obtainCode({ scope })));
    const { sub } = decodeJwt(tokens.id_token ?? "");
    for (const method of ["GET", "POST"]) {
      const answer = await world.authority.call(method, "/oauth/userinfo", { token: tokens.access_token });
      expect(answer).toMatchObject({ status: 200, body: { sub, ...more } });
      expect(answer.body).toEqual({ sub, ...more });
      expect(answer.headers.get("cache-control")).toBe("no-store");
    }
  });

  it("is refused without openid, with the scope that it takes", async () => {
    const world = await startOAuth();
    const { access_token: token } = expectTokens(await world.redeem(await world.obtainCode({ scope: "orders:read" })));
    const refused = await world.authority.call("GET", "/oauth/userinfo", { token });
    expectRefusal(refused, 403, "insufficient_scope");
    expect(refused.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope", scope="openid"');
  });

  it("is refused without a token, in the query and the body as well, and with a first-party one", async () => {
    const world = await startOAuth();
    const { access_token: token } = expectTokens(await world.redeem(await world.obtainCode()));
    expectRefusal(await world.authority.call("GET", `/oauth/userinfo?access_token=${token}`), 401, "missing_token");
    expectRefusal(await world.post("/oauth/userinfo", { access_token: token }), 401, "missing_token");
    const own = await world.signIn();
    expectRefusal(await world.authority.call("GET", "/oauth/userinfo", { token: own }), 401, "invalid_token");
  });
});

describe("the metadata", () => {
  it("MD-03 MD-04 MD-05 RT-15: says what there is for clients, and no more", async () => {
    const { idTokenAlg: _alg, ...shop } = SHOP;
    const world = await startOAuth({ clients: [shop, LEDGER] });
    const { body } = await world.authority.call("GET", "/.well-known/openid-configuration");
    expect(body).toMatchObject({
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/oauth/authorize`,
      token_endpoint: `${ISSUER}/oauth/token`,
      userinfo_endpoint: `${ISSUER}/oauth/userinfo`,
      pushed_authorization_request_endpoint: `${ISSUER}/oauth/par`,
      response_types_supported: ["code"],
      response_modes_supported: ["query"],
      grant_types_supported: ["authorization_code", "refresh_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256", "ES256"],
      code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: ["none", "client_secret_basic"],
      revocation_endpoint_auth_methods_supported: ["none", "client_secret_basic"],
      authorization_response_iss_parameter_supported: true,
      scopes_supported: ["openid", "profile", "email", "offline_access", "orders:read", "orders:write"],
    });
    expect(body).not.toHaveProperty("token_endpoint_auth_signing_alg_values_supported");
    const inserted = await world.authority.call("GET", "/.well-known/oauth-authorization-server");
    expect(inserted.body).toEqual(body);
  });

  it("MD-04: says of ID tokens only what a client gets, and the keys of all of it are published", async () => {
    const world = await startOAuth({ ...OPTIONS, clients: [{ ...SHOP, idTokenAlg: "PS256" }] });
    const metadata = (await world.authority.call("GET", "/.well-known/openid-configuration")).body as {
      id_token_signing_alg_values_supported: string[];
    };
    expect(metadata.id_token_signing_alg_values_supported).toEqual(["PS256", "ES256"]);
    const { keys } = (await world.authority.call("GET", "/.well-known/jwks.json")).body as { keys: { alg: string }[] };
    expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(["PS256", "ES256"]));
  });
});

it("a client without audiences gets tokens for the authority alone, which no API takes", async () => {
  const { audiences: _audiences, ...shop } = SHOP;
  const world = await startOAuth({ clients: [shop] });
  const tokens = expectTokens(await world.redeem(await world.obtainCode({ scope: "openid" })));
  expect(decodeJwt(tokens.access_token).aud).toBe(ISSUER);
  const refused = await world.authorize({ resource: API });
  expect(new URL(refused.headers.get("location") ?? "").searchParams.get("error")).toBe("invalid_target");
});
