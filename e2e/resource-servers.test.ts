import { createPublicKey } from "node:crypto";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { JwtVerifier } from "aws-jwt-verify";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";
import express from "express";
import { expressjwt } from "express-jwt";
import { createVerifier as createFastVerifier } from "fast-jwt";
import { Hono } from "hono";
import { jwk } from "hono/jwk";
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import jwksRsa from "jwks-rsa";
import type { RunningAuthority } from "latchkey";
import { serveAuthority } from "latchkey";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { freePort } from "../scripts/free-port.ts";

// Loaded without its types, which declare a global that contradicts the one of the verifier's guard for Express.
const { auth } = createRequire(import.meta.url)("express-oauth2-jwt-bearer") as {
  readonly auth: (options: object) => express.RequestHandler;
};

const CREDENTIALS = { email: "ada@example.com", password: "correct horse battery staple" };
const SHARED_SECRET = "a-secret-that-the-api-and-the-authority-share";
const ASYMMETRIC = ["ES256", "RS256", "PS256", "ES384", "ES512", "EdDSA", "Ed25519"] as const;
const TYPES = ["at+jwt", "JWT"] as const;

type Alg = (typeof ASYMMETRIC)[number] | "HS256";
type Typ = (typeof TYPES)[number];

const audienceOf = (alg: Alg, typ: Typ): string =>
  `https://${typ === "JWT" ? "plain" : "api"}-${alg.toLowerCase()}.example.com`;

let authority: RunningAuthority;
let folder: string;
const tokens = new Map<string, string>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "latchkey-resource-servers-"));
  const port = await freePort();
  authority = await serveAuthority({
    port,
    hostname: "127.0.0.1",
    issuer: `http://127.0.0.1:${port}`,
    dataPath: folder,
    logLevel: "silent",
    scopes: { allowed: ["read:reports"] },
    audiences: TYPES.flatMap((typ) => [
      ...ASYMMETRIC.map((alg) => ({ audience: audienceOf(alg, typ), alg, typ })),
      { audience: audienceOf("HS256", typ), alg: "HS256" as const, typ, sharedSecret: SHARED_SECRET },
    ]),
  });
  await post("/auth/signup", CREDENTIALS);
  for (const typ of TYPES) {
    for (const alg of [...ASYMMETRIC, "HS256"] as const) {
      const audience = audienceOf(alg, typ);
      const answer = await post("/auth/login", { ...CREDENTIALS, audience });
      if (!answer.ok) throw new Error(`no token for ${audience}: ${await answer.text()}`);
      tokens.set(audience, ((await answer.json()) as { access_token: string }).access_token);
    }
  }
});

afterAll(async () => {
  await authority.stop();
  rmSync(folder, { recursive: true, force: true });
});

function post(path: string, body: object): Promise<Response> {
  return fetch(`${authority.issuer}${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
}

function tokenFor(alg: Alg, typ: Typ): string {
  return tokens.get(audienceOf(alg, typ)) ?? "";
}

/** The same token with another signature, and one for another API. Whoever takes one of these has verified nothing. */
function wrongTokens(alg: Alg, typ: Typ): readonly string[] {
  const token = tokenFor(alg, typ);
  const at = token.lastIndexOf(".") + 5;
  const forged = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
  return [forged, tokenFor(alg === "ES256" ? "RS256" : "ES256", typ)];
}

/** Asks an API on loopback with each token: 200 for the right one and 401 for the others. */
async function expectGuarded(api: (url: string) => express.Express | Hono, alg: Alg, typ: Typ): Promise<void> {
  const app = api(authority.issuer);
  const answers: number[] = [];
  const candidates = [tokenFor(alg, typ), ...wrongTokens(alg, typ)];
  if (app instanceof Hono) {
    for (const token of candidates) {
      answers.push((await app.request("/", { headers: { Authorization: `Bearer ${token}` } })).status);
    }
  } else {
    const server: Server = createServer(app).listen(0, "127.0.0.1");
    const { port } = await new Promise<AddressInfo>((resolve) =>
      server.once("listening", () => resolve(server.address() as AddressInfo)),
    );
    for (const token of candidates) {
      const headers = { Authorization: `Bearer ${token}` };
      answers.push((await fetch(`http://127.0.0.1:${port}/`, { headers })).status);
    }
    server.close();
    server.closeAllConnections();
  }
  expect(answers).toEqual([200, 401, 401]);
}

async function expectVerified(verify: (token: string) => Promise<unknown>, alg: Alg, typ: Typ): Promise<void> {
  expect(await verify(tokenFor(alg, typ))).toMatchObject({ iss: authority.issuer, aud: audienceOf(alg, typ) });
  for (const token of wrongTokens(alg, typ)) await expect(verify(token)).rejects.toThrow(/./);
}

const keySetUrl = (): string => `${authority.issuer}/.well-known/jwks.json`;

/** What each library speaks, as far as it was tried. */
const every = (algs: readonly Alg[]): readonly (readonly [Alg, Typ])[] =>
  algs.flatMap((alg) => TYPES.map((typ) => [alg, typ] as const));

const answerError: express.ErrorRequestHandler = (error: { status?: number }, _request, response, _next) => {
  response.sendStatus(error.status ?? 500);
};

function expressApi(guard: express.RequestHandler): express.Express {
  const app = express();
  app.use(guard);
  app.get("/", (_request, response) => void response.sendStatus(200));
  app.use(answerError);
  return app;
}

describe("the authority", () => {
  it.each(every([...ASYMMETRIC, "HS256"]))("signs with %s, of type %s, where the API wants that", (alg, typ) => {
    expect(decodeProtectedHeader(tokenFor(alg, typ))).toEqual({ alg, typ, kid: expect.any(String) });
    expect(decodeJwt(tokenFor(alg, typ)).aud).toBe(audienceOf(alg, typ));
  });

  it("MD-03 MD-04 K-11: says in its metadata every algorithm it signs with, and publishes a key for each but HS256", async () => {
    const metadata = (await (await fetch(`${authority.issuer}/.well-known/openid-configuration`)).json()) as object;
    expect(metadata).toMatchObject({ id_token_signing_alg_values_supported: [...ASYMMETRIC, "HS256"] });
    const { keys } = (await (await fetch(keySetUrl())).json()) as { keys: { alg: string; kty: string }[] };
    expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(ASYMMETRIC));
    expect(keys.filter(({ kty }) => kty === "oct")).toEqual([]);
  });
});

describe("out of the box, tokens verify with", () => {
  it.each(every(ASYMMETRIC))("jose: %s, %s", async (alg, typ) => {
    const keys = createRemoteJWKSet(new URL(keySetUrl()));
    const options = { issuer: authority.issuer, audience: audienceOf(alg, typ), typ };
    await expectVerified(async (token) => (await jwtVerify(token, keys, options)).payload, alg, typ);
  });

  it.each(every(["HS256"]))("jose and the shared secret: %s, %s", async (alg, typ) => {
    const options = { issuer: authority.issuer, audience: audienceOf(alg, typ), typ, algorithms: ["HS256"] };
    const secret = Buffer.from(SHARED_SECRET);
    await expectVerified(async (token) => (await jwtVerify(token, secret, options)).payload, alg, typ);
  });

  it.each(every(ASYMMETRIC.filter((alg) => alg !== "Ed25519")))(
    "express-oauth2-jwt-bearer: %s, %s",
    async (alg, typ) => {
      await expectGuarded(
        (issuerBaseURL) => expressApi(auth({ issuerBaseURL, audience: audienceOf(alg, typ), tokenSigningAlg: alg })),
        alg,
        typ,
      );
    },
  );

  it.each(every(["HS256"]))("express-oauth2-jwt-bearer and the shared secret: %s, %s", async (alg, typ) => {
    const audience = audienceOf(alg, typ);
    await expectGuarded(
      (issuer) => expressApi(auth({ issuer, secret: SHARED_SECRET, audience, tokenSigningAlg: alg })),
      alg,
      typ,
    );
  });

  it.each(every(["ES256", "RS256", "PS256", "ES384", "ES512"]))(
    "express-jwt with jwks-rsa: %s, %s",
    async (alg, typ) => {
      await expectGuarded(
        (issuer) =>
          expressApi(
            expressjwt({
              secret: jwksRsa.expressJwtSecret({ jwksUri: keySetUrl() }),
              algorithms: [alg as "ES256"],
              audience: audienceOf(alg, typ),
              issuer,
            }),
          ),
        alg,
        typ,
      );
    },
  );

  it.each(every(["HS256"]))("express-jwt and the shared secret: %s, %s", async (alg, typ) => {
    const audience = audienceOf(alg, typ);
    await expectGuarded(
      (issuer) => expressApi(expressjwt({ secret: SHARED_SECRET, algorithms: ["HS256"], audience, issuer })),
      alg,
      typ,
    );
  });

  it.each(every(["ES256", "RS256", "PS256", "ES384", "ES512", "EdDSA"]))("fast-jwt: %s, %s", async (alg, typ) => {
    const { keys } = (await (await fetch(keySetUrl())).json()) as { keys: Record<string, string>[] };
    const verify = createFastVerifier({
      key: async ({ header }: { header: { kid?: string } }) => {
        const found = keys.find(({ kid }) => kid === header.kid);
        return createPublicKey({ key: found ?? {}, format: "jwk" })
          .export({ type: "spki", format: "pem" })
          .toString();
      },
      algorithms: [alg as "ES256"],
      allowedIss: authority.issuer,
      allowedAud: audienceOf(alg, typ),
    });
    await expectVerified(async (token) => verify(token), alg, typ);
  });

  it.each(every(["ES256", "RS256", "ES384", "ES512", "EdDSA"]))("aws-jwt-verify: %s, %s", async (alg, typ) => {
    // It fetches over https alone; here the authority is on loopback.
    const fetcher = { fetch: async (uri: string) => (await fetch(uri)).arrayBuffer() };
    const verifier = JwtVerifier.create(
      { issuer: authority.issuer, audience: audienceOf(alg, typ), jwksUri: keySetUrl() },
      { jwksCache: new SimpleJwksCache({ fetcher }) },
    );
    await expectVerified((token) => verifier.verify(token), alg, typ);
  });

  // It takes the type `JWT` alone.
  it.each(["ES256", "RS256", "PS256", "ES384", "ES512", "EdDSA"] as const)("hono/jwk: %s, JWT", async (alg) => {
    const typ = "JWT";
    await expectGuarded(
      (iss) => {
        const app = new Hono();
        const verification = { iss, aud: audienceOf(alg, typ) };
        app.use(jwk({ jwks_uri: keySetUrl(), alg: [alg as "ES256"], verification }));
        app.get("/", (context) => context.text("hello"));
        return app;
      },
      alg,
      typ,
    );
  });
});
