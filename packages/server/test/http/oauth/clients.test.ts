import { randomUUID } from "node:crypto";

import type { CryptoKey } from "jose";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";

import type { ClientOptions } from "../../../src/index.ts";
import { expectRefusal, ISSUER } from "../../authority.ts";
import type { OAuthWorld } from "./oauth-world.ts";
import {
  basicOf,
  expectInvalidGrant,
  LEDGER,
  oauthWorld,
  SECRET,
  SHOP,
  startOAuth,
  expectTokens,
} from "./oauth-world.ts";

const redirect_uri = "https://ledger.example.com/cb";
const ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async function ledgerCode(world: OAuthWorld) {
  return world.obtainCode({ client_id: "ledger", redirect_uri });
}

describe("a client with a secret", () => {
  it("proves itself by HTTP Basic", async () => {
    const world = await startOAuth();
    const fields = { redirect_uri, client_id: undefined };
    const tokens = expectTokens(await world.redeem(await ledgerCode(world), fields, basicOf(LEDGER)));
    expectTokens(await world.refresh(tokens.refresh_token, { client_id: undefined }, basicOf(LEDGER)));
    const named = expectTokens(
      await world.redeem(await ledgerCode(world), { ...fields, client_id: "ledger" }, basicOf(LEDGER)),
    );
    expectTokens(await world.refresh(named.refresh_token, { client_id: "ledger" }, basicOf(LEDGER)));
  });

  it("is understood however its id and secret are written (RFC 6749 §2.3.1)", async () => {
    const awkward = { ...LEDGER, clientId: "a:b c+d/ä".replace("ä", "%"), secret: `${SECRET}: +%&é`.replace("é", "~") };
    const world = await startOAuth({ clients: [awkward] });
    const waiting = await world.obtainCode({ client_id: awkward.clientId, redirect_uri });
    const fields = { redirect_uri, client_id: undefined };
    expectTokens(await world.redeem(waiting, fields, basicOf(awkward, awkward.secret)));
  });

  it.each<readonly [string, Record<string, string | undefined>, Record<string, string>]>([
    ["nothing", { client_id: "ledger" }, {}],
    ["another secret", {}, basicOf(LEDGER, `${SECRET}x`)],
    ["an empty secret", {}, basicOf(LEDGER, "")],
    ["the secret of nobody", {}, basicOf({ ...LEDGER, clientId: "nobody" })],
    ["the secret in the body", { client_id: "ledger", client_secret: SECRET }, {}],
    ["another's name", { client_id: "shop" }, basicOf(LEDGER)],
    ["what is no HTTP Basic", {}, { Authorization: "Basic ???" }],
    ["a token", {}, { Authorization: "Bearer x" }],
  ])("RT-07, RT-12, E-04: is refused with %s, and the code is none the worse for it", async (_, fields, headers) => {
    const world = await startOAuth();
    const waiting = await ledgerCode(world);
    const refused = await world.redeem(waiting, { redirect_uri, client_id: undefined, ...fields }, headers);
    expectRefusal(refused, 401, "invalid_client");
    expect(refused.headers.get("www-authenticate")).toMatch(/^Basic /);
    expectTokens(await world.redeem(waiting, { redirect_uri, client_id: undefined }, basicOf(LEDGER)));
  });

  it("RT-13: proves itself in one way", async () => {
    const world = await startOAuth();
    const both = { redirect_uri, client_secret: SECRET };
    expectRefusal(await world.redeem(await ledgerCode(world), both, basicOf(LEDGER)), 400, "invalid_request");
    const query = await world.authority.call("POST", `/oauth/token?client_id=ledger&client_secret=${SECRET}`, {
      text: "grant_type=refresh_token&refresh_token=x",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    });
    expectRefusal(query, 401, "invalid_client");
  });

  it("RT-07: must prove itself at each refresh", async () => {
    const world = await startOAuth();
    const fields = { redirect_uri, client_id: undefined };
    const { refresh_token } = expectTokens(await world.redeem(await ledgerCode(world), fields, basicOf(LEDGER)));
    expectRefusal(await world.refresh(refresh_token, { client_id: "ledger" }), 401, "invalid_client");
    expectInvalidGrant(await world.refresh(refresh_token, { client_id: "shop" }));
  });

  it("is public or not: who has no secret cannot present one", async () => {
    const world = await startOAuth();
    const waiting = await world.obtainCode();
    expectRefusal(await world.redeem(waiting, {}, basicOf(SHOP, SECRET)), 401, "invalid_client");
    expectRefusal(await world.redeem(waiting, {}, basicOf(SHOP, "")), 401, "invalid_client");
    expectRefusal(await world.redeem(waiting, { client_secret: SECRET }), 401, "invalid_client");
  });
});

describe("RT-17: a client with keys", () => {
  let privateKey: CryptoKey;
  let client: ClientOptions;
  beforeAll(async () => {
    const pair = await generateKeyPair("ES256");
    privateKey = pair.privateKey;
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256" } as NonNullable<
      ClientOptions["keys"]
    >[number];
    const { secret: _secret, ...withoutSecret } = LEDGER;
    client = { ...withoutSecret, keys: [jwk] };
  });

  async function assertion(
    world: OAuthWorld,
    claims: Record<string, unknown> = {},
    header: object = {},
    key = privateKey,
  ) {
    const now = world.authority.now();
    const payload = {
      iss: "ledger",
      sub: "ledger",
      aud: ISSUER,
      iat: now,
      exp: now + 60,
      jti: randomUUID(),
      ...claims,
    };
    return {
      client_assertion: await new SignJWT(payload)
        .setProtectedHeader({ alg: "ES256", kid: "one", ...header })
        .sign(key),
      client_assertion_type: ASSERTION,
    };
  }

  const start = () => startOAuth({ clients: [SHOP, client] });
  const redeem = async (world: OAuthWorld, fields: Record<string, string | undefined>) =>
    world.redeem(await ledgerCode(world), { redirect_uri, client_id: undefined, ...fields });

  it("proves itself by a signed assertion", async () => {
    const world = await start();
    const tokens = expectTokens(await redeem(world, await assertion(world)));
    expectTokens(await world.refresh(tokens.refresh_token, { client_id: "ledger", ...(await assertion(world)) }));
    expectTokens(await redeem(world, await assertion(world, { aud: [ISSUER] }, { typ: "client-authentication+jwt" })));
  });

  it("proves itself once by each, on any node, after a restart, too", async () => {
    const world = await start();
    const used = await assertion(world);
    expectTokens(await redeem(world, used));
    expectRefusal(await redeem(world, used), 401, "invalid_client");
    const beside = oauthWorld(await world.authority.beside());
    expectRefusal(await redeem(beside, used), 401, "invalid_client");
    const after = oauthWorld(await world.authority.restart());
    expectRefusal(await redeem(after, used), 401, "invalid_client");
  });

  it.each<readonly [string, Record<string, unknown>] | readonly [string, Record<string, unknown>, object]>([
    ["for the token endpoint of another server", { aud: "https://other.example.com/oauth/token" }],
    ["for the token endpoint, which any server could name", { aud: `${ISSUER}/oauth/token` }],
    ["for two", { aud: [ISSUER, "https://other.example.com"] }],
    ["of another issuer", { iss: "shop" }],
    ["about another client", { sub: "shop" }],
    ["of a client that is not", { iss: "nobody", sub: "nobody" }],
    ["that has expired", { exp: 1_799_999_990 }],
    ["that expires in an hour", { exp: 1_800_003_600 }],
    ["from the future", { iat: 1_800_000_060 }],
    ["that is not valid yet", { nbf: 1_800_000_060 }],
    ["without jti", { jti: undefined }],
    ["that is a proof of possession", {}, { typ: "dpop+jwt" }],
    ["that is a token", {}, { typ: "at+jwt" }],
    ["of another key's name", {}, { kid: "two" }],
  ])("is refused with one %s", async (_, claims, header = {}) => {
    const world = await start();
    expectRefusal(await redeem(world, await assertion(world, claims, header)), 401, "invalid_client");
  });

  it("is refused with one that is signed by another key, unsigned, or of another kind", async () => {
    const world = await start();
    const { privateKey: other } = await generateKeyPair("ES256");
    expectRefusal(await redeem(world, await assertion(world, {}, {}, other)), 401, "invalid_client");
    const good = await assertion(world);
    const [, payload] = good.client_assertion.split(".");
    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
    expectRefusal(await redeem(world, { ...good, client_assertion: none }), 401, "invalid_client");
    expectRefusal(await redeem(world, { ...good, client_assertion: "x" }), 401, "invalid_client");
    expectRefusal(await redeem(world, { ...good, client_assertion_type: "x" }), 401, "invalid_client");
    expectRefusal(await redeem(world, { ...good, client_id: "shop" }), 401, "invalid_client");
    expectRefusal(await redeem(world, { client_id: "ledger" }), 401, "invalid_client");
  });
});
