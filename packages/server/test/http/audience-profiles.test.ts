import type { JWTPayload } from "jose";
import { decodeJwt, decodeProtectedHeader, SignJWT } from "jose";
import { describe, expect, it } from "vitest";

import type { AuthServerOptions } from "../../src/index.ts";
import { expectRefusal, ISSUER, PASSWORD, startAuthority } from "../authority.ts";
import type { TestAuthority } from "../authority.ts";
import { createDpopClient } from "../dpop-client.ts";

const PLAIN = "https://plain.example.com";
const LEGACY = "https://legacy.example.com";
const SHARED = "https://shared.example.com";
const SECRET = "a-secret-that-the-api-and-the-authority-share";

const audiences: AuthServerOptions["audiences"] = [
  PLAIN,
  { audience: LEGACY, alg: "RS256", typ: "JWT", accessTokenTtlSeconds: 60, rolesClaim: "https://example.com/roles" },
  { audience: SHARED, alg: "HS256", sharedSecret: SECRET },
];

async function tokenFor(authority: TestAuthority, audience: string): Promise<string> {
  return (await authority.signedIn({ login: { audience } })).access_token;
}

describe("each API gets the tokens it understands", () => {
  it("with its algorithm, its type, its life, and roles in the claim it reads them from", async () => {
    const authority = await startAuthority({ audiences });
    await authority.signedIn();
    await authority.server.setRoles("ada@example.com", ["editor"]);

    const legacy = await tokenFor(authority, LEGACY);
    expect(decodeProtectedHeader(legacy)).toMatchObject({ alg: "RS256", typ: "JWT" });
    const claims = decodeJwt(legacy);
    expect(claims).toMatchObject({ aud: LEGACY, "https://example.com/roles": ["editor"] });
    expect(claims).not.toHaveProperty("roles");
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(60);

    const plain = await tokenFor(authority, PLAIN);
    expect(decodeProtectedHeader(plain)).toMatchObject({ alg: "ES256", typ: "at+jwt" });
    expect(decodeJwt(plain)).toMatchObject({ aud: PLAIN, roles: ["editor"] });
    expect(decodeProtectedHeader(await tokenFor(authority, SHARED))).toMatchObject({ alg: "HS256", typ: "at+jwt" });
  });

  it("and the authority takes each for its own account routes", async () => {
    const authority = await startAuthority({ audiences });
    for (const audience of [PLAIN, LEGACY, SHARED]) {
      const token = await tokenFor(authority, audience);
      expect((await authority.call("GET", "/auth/me", { token })).status, audience).toBe(200);
    }
  });

  it("a shared secret makes tokens for its own API, and for no other", async () => {
    const authority = await startAuthority({ audiences });
    const token = await tokenFor(authority, SHARED);
    const forged = (audience: string, secret = SECRET) =>
      new SignJWT({ ...decodeJwt(token), aud: audience })
        .setProtectedHeader({ ...decodeProtectedHeader(token), alg: "HS256" })
        .sign(Buffer.from(secret));

    expect((await authority.call("GET", "/auth/me", { token: await forged(SHARED) })).status).toBe(200);
    for (const other of [PLAIN, LEGACY, ISSUER]) {
      const answer = await authority.call("GET", "/auth/me", { token: await forged(other) });
      expectRefusal(answer, 401, "invalid_token");
    }
    const guessed = await authority.call("GET", "/auth/me", { token: await forged(SHARED, "x".repeat(32)) });
    expectRefusal(guessed, 401, "invalid_token");
  });

  it("a shared secret opens no session but those of its own API, and none that is bound to a key without it", async () => {
    const authority = await startAuthority({ audiences });
    const mine = await tokenFor(authority, SHARED);
    const forgedFor = (claims: JWTPayload): Promise<string> =>
      new SignJWT({ ...decodeJwt(mine), sub: claims.sub ?? "", sid: claims["sid"] })
        .setProtectedHeader({ ...decodeProtectedHeader(mine), alg: "HS256" })
        .sign(Buffer.from(SECRET));
    const ofAnother = decodeJwt(await tokenFor(authority, PLAIN));
    const key = await createDpopClient(authority.now);
    const bound = await authority.call("POST", "/auth/login", {
      json: { email: "ada@example.com", password: PASSWORD, audience: SHARED },
      headers: await key.prove("POST", "/auth/login"),
    });
    const ofBound = decodeJwt((bound.body as { access_token: string }).access_token);

    for (const claims of [ofAnother, ofBound]) {
      expectRefusal(
        await authority.call("POST", "/auth/logout-all", { token: await forgedFor(claims) }),
        401,
        "invalid_token",
      );
    }
    expect((await authority.call("GET", "/auth/me", { token: mine })).status).toBe(200);
  });

  it("a shared secret is replaced without anybody noticing: the first signs, each verifies", async () => {
    const authority = await startAuthority({ audiences });
    const token = await tokenFor(authority, SHARED);
    const sharedSecret = ["another-secret-that-both-of-them-will-share", SECRET];

    const restarted = await authority.restart({ audiences: [{ audience: SHARED, alg: "HS256", sharedSecret }] });

    expect((await restarted.call("GET", "/auth/me", { token })).status).toBe(200);
    const kids = [token, await tokenFor(restarted, SHARED)].map((one) => decodeProtectedHeader(one).kid);
    expect(new Set(kids).size).toBe(2);
  });

  it("and with shared secrets alone, what the authority publishes is still signed with a key that anybody can check", async () => {
    const authority = await startAuthority({ audiences: [{ audience: SHARED, alg: "HS256", sharedSecret: SECRET }] });
    const { body } = await authority.call("GET", "/.well-known/openid-configuration");
    expect(body).toMatchObject({ id_token_signing_alg_values_supported: ["HS256"] });
    const keys = (await authority.call("GET", "/.well-known/jwks.json")).body as { keys: { alg: string }[] };
    expect(keys.keys.map(({ alg }) => alg)).toEqual(["ES256", "ES256"]);
  });
});
