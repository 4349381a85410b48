import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as jose from "jose";
import * as oidc from "openid-client";
import { describe, expect, it, onTestFinished } from "vitest";

import type { AuthServer, ClientOptions, Store } from "../../../src/index.ts";
import { createAuthServer, createSqliteStore } from "../../../src/index.ts";
import { createPostgresStore } from "../../../src/stores/postgres/index.ts";
import { MASTER_SECRET, PASSWORD } from "../../authority.ts";
import { createTestDatabase, describeOnPostgres } from "../../stores/postgres-database.ts";
import { serveOverHttp } from "./http-server.ts";

const API = "https://api.example.com";
const SECRET = "a secret of at least thirty-two characters";
const CALLBACK = "http://127.0.0.1:9/callback";

interface Relying {
  readonly server: AuthServer;
  readonly config: oidc.Configuration;
  /** The user's browser: from the client's request to its callback. */
  readonly browse: (url: URL) => Promise<URL>;
}

interface Kind {
  readonly client: Partial<ClientOptions>;
  readonly authentication: oidc.ClientAuth;
}

/** An authority over real HTTP, and somebody else's client library. */
async function start(store: Store, { client, authentication }: Kind): Promise<Relying> {
  const server = await serveOverHttp((issuer) =>
    createAuthServer({
      issuer,
      store,
      masterSecret: MASTER_SECRET,
      audiences: [API],
      scopes: { allowed: ["orders:read"] },
      rateLimits: false,
      clients: [
        {
          clientId: "shop",
          name: "Shop",
          redirectUris: ["http://127.0.0.1/callback"],
          scopes: ["openid", "profile", "email", "orders:read"],
          audiences: [API],
          ...client,
        },
      ],
    }),
  );
  const { issuer } = server;
  const config = await oidc.discovery(new URL(issuer), "shop", undefined, authentication, {
    execute: [oidc.allowInsecureRequests],
  });
  const user = { email: "ada@example.com", password: PASSWORD };
  const json = async (path: string, body: object, headers: Record<string, string> = {}): Promise<unknown> => {
    const answer = await fetch(issuer + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    return answer.json();
  };
  await json("/auth/signup", { ...user, name: "Ada" });
  return {
    server,
    config,
    async browse(url) {
      const sent = await fetch(url, { redirect: "manual" });
      expect(sent.status).toBe(303);
      const [cookie = ""] = (sent.headers.getSetCookie()[0] ?? "").split(";");
      const handle = new URL(sent.headers.get("location") ?? "").hash.slice("#request=".length);
      const { access_token } = (await json("/auth/login", user)) as { access_token: string };
      const decided = await json(
        `/oauth/interaction/${handle}`,
        { decision: "allow" },
        { Authorization: `Bearer ${access_token}`, Origin: issuer, Cookie: cookie },
      );
      return new URL((decided as { redirect_to: string }).redirect_to);
    },
  };
}

async function requestFor(): Promise<{ readonly verifier: string; readonly parameters: Record<string, string> }> {
  const verifier = oidc.randomPKCECodeVerifier();
  return {
    verifier,
    parameters: {
      redirect_uri: CALLBACK,
      scope: "openid profile email orders:read",
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
    },
  };
}

/** The whole of what a client does, by the book of openid-client, which checks each answer. */
async function expectWholeFlow(
  { server, config, browse }: Relying,
  how: { readonly push?: boolean; readonly dpop?: boolean },
) {
  const { verifier, parameters } = await requestFor();
  const DPoP = how.dpop === true ? oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair()) : undefined;
  const options = DPoP === undefined ? {} : { DPoP };
  const url =
    how.push === true
      ? await oidc.buildAuthorizationUrlWithPAR(config, parameters, options)
      : oidc.buildAuthorizationUrl(config, parameters);
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: parameters["state"] ?? "",
    expectedNonce: parameters["nonce"] ?? "",
    idTokenExpected: true,
  };
  const tokens = await oidc.authorizationCodeGrant(config, await browse(url), checks, undefined, options);
  const idToken = tokens.claims();
  expect(idToken).toMatchObject({ iss: server.issuer, aud: "shop", nonce: checks.expectedNonce, amr: ["pwd"] });

  const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, idToken?.sub ?? "", options);
  expect(userinfo).toEqual({ sub: idToken?.sub, name: "Ada", email: "ada@example.com", email_verified: false });

  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? "", undefined, options);
  const { nonce: _nonce, ...unchanged } = idToken ?? {};
  const { iat: _iat, exp: _exp, at_hash: _hash, ...same } = unchanged as Record<string, unknown>;
  expect(refreshed.claims()).toMatchObject(same);
  expect(refreshed.claims()).not.toHaveProperty("nonce");

  await oidc.tokenRevocation(config, refreshed.refresh_token ?? "");
  await expect(oidc.refreshTokenGrant(config, refreshed.refresh_token ?? "", undefined, options)).rejects.toMatchObject(
    {
      error: "invalid_grant",
    },
  );
  return tokens;
}

function describeOn(
  name: string,
  describeIt: typeof describe | typeof describe.skip,
  open: () => Promise<Store>,
): void {
  describeIt(`openid-client, over HTTP, on ${name}`, () => {
    const publicly: Kind = { client: {}, authentication: oidc.None() };

    it("OI-01 OI-02 OI-03: a public client signs in, asks who the user is, refreshes, signs out", async () => {
      const relying = await start(await open(), publicly);
      const { id_token } = await expectWholeFlow(relying, {});
      const header = jose.decodeProtectedHeader(id_token ?? "");
      expect(header.alg).toBe("RS256");
    });

    it("AZ-11 DP-06: pushed, with proofs of possession", async () => {
      await expectWholeFlow(await start(await open(), publicly), { push: true, dpop: true });
    });

    it("RT-07: a client with a secret", async () => {
      const authentication = oidc.ClientSecretBasic(SECRET);
      await expectWholeFlow(await start(await open(), { client: { secret: SECRET }, authentication }), { push: true });
    });

    it("RT-17: a client with a key", async () => {
      const { privateKey, publicKey } = await jose.generateKeyPair("ES256");
      const jwk = { ...(await jose.exportJWK(publicKey)), kid: "one", alg: "ES256" };
      const keys = [jwk] as NonNullable<ClientOptions["keys"]>;
      const authentication = oidc.PrivateKeyJwt({ key: privateKey, kid: "one" });
      await expectWholeFlow(await start(await open(), { client: { keys }, authentication }), {
        push: true,
        dpop: true,
      });
    });

    it("F-04 AZ-05: an answer of another issuer is not taken for ours", async () => {
      const relying = await start(await open(), publicly);
      const { verifier, parameters } = await requestFor();
      const callback = await relying.browse(oidc.buildAuthorizationUrl(relying.config, parameters));
      callback.searchParams.set("iss", "https://evil.example");
      const checks = { pkceCodeVerifier: verifier, expectedState: parameters["state"] ?? "" };
      await expect(oidc.authorizationCodeGrant(relying.config, callback, checks)).rejects.toMatchObject({
        cause: { message: 'unexpected "iss" (issuer) response parameter value' },
      });
    });
  });
}

describeOn("SQLite", describe, async () => {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-oauth-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return createSqliteStore({ path: join(folder, "latchkey.db") });
});

describeOn("PostgreSQL", describeOnPostgres, async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return createPostgresStore({ connectionString: database.url });
});
