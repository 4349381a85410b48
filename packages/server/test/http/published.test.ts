import { createLocalJWKSet, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";

import { ISSUER, startAuthority } from "../authority.ts";

describe("what the authority publishes", () => {
  it("K-01 K-02 K-03: the key set holds public keys alone, each with kid, alg and use, and may be cached", async () => {
    const authority = await startAuthority();
    const { body, headers } = await authority.call("GET", "/.well-known/jwks.json");
    const key = {
      kty: "EC",
      crv: "P-256",
      x: expect.stringMatching(/^[\w-]{43}$/),
      y: expect.stringMatching(/^[\w-]{43}$/),
      kid: expect.stringMatching(/^[\w-]{43}$/),
      alg: "ES256",
      use: "sig",
    };
    // The one that signs, and the one that will.
    expect(body).toEqual({ keys: [key, key] });
    expect(headers.get("content-type")).toBe("application/jwk-set+json");
    expect(headers.get("cache-control")).toBe("public, max-age=300");
    expect(headers.get("access-control-allow-origin")).toBe("*");
  });

  it.each([
    ["https://auth.example.com", ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]],
    ["https://example.com/id", ["/id/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/id"]],
  ])("MD-01 MD-02: metadata of %s is where clients look, with the issuer byte for byte", async (issuer, paths) => {
    const { server } = await startAuthority({ issuer, scopes: { allowed: ["read:a"] } });
    for (const path of paths) {
      const answer = await server.fetch(new Request(new URL(path, issuer)));
      expect(await answer.json()).toEqual({
        issuer,
        jwks_uri: `${issuer}/.well-known/jwks.json`,
        id_token_signing_alg_values_supported: ["ES256"],
        subject_types_supported: ["public"],
        dpop_signing_alg_values_supported: ["ES256", "ES384", "PS256", "Ed25519", "EdDSA"],
        revocation_endpoint: `${issuer}/oauth/revoke`,
        revocation_endpoint_auth_methods_supported: ["none"],
        scopes_supported: ["read:a"],
      });
    }
  });

  it("AT-01 AT-02: jose verifies an access token with the published keys, and it has every claim of RFC 9068", async () => {
    const authority = await startAuthority({ audiences: ["https://api.example.com"], scopes: { allowed: ["read:a"] } });
    const session = await authority.signedIn();
    const keys = (await authority.call("GET", "/.well-known/jwks.json")).body as { keys: [] };
    const { payload, protectedHeader } = await jwtVerify(session.access_token, createLocalJWKSet(keys), {
      issuer: ISSUER,
      audience: "https://api.example.com",
      typ: "at+jwt",
      currentDate: new Date(1_800_000_000_000),
    });
    expect(protectedHeader).toEqual({ typ: "at+jwt", alg: "ES256", kid: expect.any(String) });
    expect(payload).toEqual({
      iss: ISSUER,
      sub: session.user.id,
      aud: "https://api.example.com",
      client_id: "first-party",
      iat: 1_800_000_000,
      exp: 1_800_000_600,
      jti: expect.stringMatching(/^[\w-]{22}$/),
      sid: session.session_id,
      scope: "read:a",
      auth_time: 1_800_000_000,
      amr: ["pwd"],
      acr: "aal1",
    });
  });

  it("per audience, access tokens have their own life", async () => {
    const authority = await startAuthority({
      audiences: ["https://api.example.com", { audience: "https://brief.example.com", accessTokenTtlSeconds: 15 }],
    });
    expect((await authority.signedIn()).expires_in).toBe(600);
    expect((await authority.signedIn({ login: { audience: "https://brief.example.com" } })).expires_in).toBe(15);
  });

  it("is live and ready, and says it is not where the store cannot answer", async () => {
    const authority = await startAuthority();
    expect(await authority.call("GET", "/health/live")).toMatchObject({ status: 200, body: { status: "live" } });
    expect(await authority.call("GET", "/health/ready")).toMatchObject({ status: 200, body: { status: "ready" } });
    await authority.server.close();
    const down = await authority.call("GET", "/health/ready");
    expect(down).toMatchObject({ status: 503, body: { error: "unavailable" } });
    expect(down.headers.get("retry-after")).toMatch(/^\d+$/);
  });

  it("OP-03: a store that is down is 503 on every route, never a reason to drop credentials", async () => {
    const authority = await startAuthority();
    const session = await authority.signedIn();
    await authority.server.close();
    for (const answer of [
      await authority.refresh(session.refresh_token),
      await authority.call("GET", "/auth/me", { token: session.access_token }),
      await authority.call("POST", "/auth/logout", { json: { refresh_token: session.refresh_token } }),
    ]) {
      expect(answer).toMatchObject({ status: 503, body: { error: "unavailable" } });
    }
  });
});
