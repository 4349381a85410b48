import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { JSONWebKeySet, JWTPayload } from "jose";
import { createLocalJWKSet, decodeJwt, jwtVerify } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";

import type { ClientOptions } from "../../../src/index.ts";
import { createSqliteStore } from "../../../src/index.ts";
import { ISSUER, MASTER_SECRET, PASSWORD } from "../../authority.ts";
import type { Receiver } from "../../webhooks/receiver.ts";
import { startReceiver } from "../../webhooks/receiver.ts";
import type { LogoutNodeOrder } from "./logout-node.ts";
import type { OAuthWorld, TokenAnswer } from "./oauth-world.ts";
import { API, basicOf, expectTokens, LEDGER, OPTIONS, SHOP, startOAuth } from "./oauth-world.ts";
import { expectToBeTold } from "./told-of-logouts.ts";

const WAIT = { timeout: 25_000, interval: 50 };
const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";
const IN_LEDGER = { client_id: "ledger", redirect_uri: "https://ledger.example.com/cb" };

/** A shop that is told, a ledger that is not, unless this says otherwise; and the shop's endpoint. */
async function start(changes: Partial<ClientOptions> = {}, ledger: Partial<ClientOptions> = {}) {
  const receiver = await startReceiver();
  const shop = { ...SHOP, backchannelLogoutUri: receiver.url, ...changes };
  const world = await startOAuth({ clients: [shop, { ...LEDGER, ...ledger }] });
  await toldFromNowOn(world);
  return { world, receiver };
}

/** From here on nothing that ends is missed. */
async function toldFromNowOn({ authority }: OAuthWorld, clientId = "shop"): Promise<void> {
  const store = createSqliteStore({ path: authority.path });
  onTestFinished(() => store.close());
  await expectToBeTold(store, clientId);
}

const letIn = async (world: OAuthWorld, changes = {}): Promise<TokenAnswer> =>
  expectTokens(await world.redeem(await world.obtainCode(changes)));

const sidOf = ({ id_token = "" }: TokenAnswer) => String(decodeJwt(id_token)["sid"]);

async function logOut(world: OAuthWorld, { id_token = "" }: TokenAnswer): Promise<void> {
  expect((await world.visit(`/oauth/logout?id_token_hint=${id_token}`)).status).toBe(200);
}

/** The n-th logout token that has come, as it was posted. */
function tokenOf({ received }: Receiver, index = 0): string {
  const form = new URLSearchParams(received[index]?.body);
  expect([...form.keys()]).toEqual(["logout_token"]);
  return form.get("logout_token") ?? "";
}

const sidsOf = (receiver: Receiver) =>
  receiver.received.map((_, index) => String(decodeJwt(tokenOf(receiver, index))["sid"]));

/** As §2.6 has clients validate it, by the published keys. */
async function validated(world: OAuthWorld, token: string, audience = "shop"): Promise<JWTPayload> {
  const { authority } = world;
  const { body } = await authority.call("GET", "/.well-known/jwks.json");
  const { payload } = await jwtVerify(token, createLocalJWKSet(body as JSONWebKeySet), {
    issuer: ISSUER,
    audience,
    typ: "logout+jwt",
    algorithms: ["ES256"],
    requiredClaims: ["iat", "exp", "jti", "sub", "sid", "events"],
    currentDate: new Date(authority.now() * 1_000),
  });
  expect(payload["events"]).toEqual({ [LOGOUT_EVENT]: {} });
  expect(payload).not.toHaveProperty("nonce");
  return payload;
}

/** That nothing else comes: an ending of a session that does, and was later, has come. */
async function expectNothingBefore(world: OAuthWorld, receiver: Receiver, known: number): Promise<void> {
  const last = await letIn(world);
  await logOut(world, last);
  await expect.poll(() => receiver.received.length, WAIT).toBeGreaterThan(known);
  expect(sidsOf(receiver).slice(known)).toEqual([sidOf(last)]);
}

describe("LO-02: a logout token", () => {
  it("says which session of whom has ended, by the sid of its ID tokens, and passes for no other token", async () => {
    const { world, receiver } = await start();
    const tokens = await letIn(world, { nonce: "of the request" });
    expect(decodeJwt(tokens.id_token ?? "")["nonce"]).toBe("of the request");
    await logOut(world, tokens);
    await expect.poll(() => receiver.received.length, WAIT).toBe(1);

    const [message] = receiver.received;
    expect(message?.headers["content-type"]).toBe("application/x-www-form-urlencoded");
    const token = tokenOf(receiver);
    const payload = await validated(world, token);
    expect(payload).toEqual({
      iss: ISSUER,
      aud: "shop",
      iat: world.authority.now(),
      exp: world.authority.now() + 120,
      jti: expect.any(String),
      sub: decodeJwt(tokens.id_token ?? "").sub,
      sid: sidOf(tokens),
      events: { [LOGOUT_EVENT]: {} },
    });
    expect((await world.authority.call("GET", "/oauth/userinfo", { token })).status).toBe(401);
    expect((await world.visit(`/oauth/logout?id_token_hint=${token}`)).status).toBe(400);
  });

  it("is one for each session, with an id of its own, where all of a user's end at once", async () => {
    const ledger = await startReceiver();
    const { world, receiver } = await start({}, { backchannelLogoutUri: ledger.url });
    await toldFromNowOn(world, "ledger");
    const token = await world.signIn();
    const [one, other] = [await letIn(world), await letIn(world)];
    const redeemed = await world.redeem(await world.obtainCode(IN_LEDGER), IN_LEDGER, basicOf(LEDGER));
    const inLedger = expectTokens(redeemed);
    const json = { current_password: PASSWORD, new_password: "another battery horse staple" };
    expect((await world.authority.call("POST", "/auth/password", { token, json })).status).toBe(204);

    await expect.poll(() => receiver.received.length + ledger.received.length, WAIT).toBe(3);
    expect(new Set(sidsOf(receiver))).toEqual(new Set([sidOf(one), sidOf(other)]));
    expect(sidsOf(ledger)).toEqual([sidOf(inLedger)]);
    const payloads = [
      await validated(world, tokenOf(receiver, 0)),
      await validated(world, tokenOf(receiver, 1)),
      await validated(world, tokenOf(ledger), "ledger"),
    ];
    expect(new Set(payloads.map(({ jti }) => jti)).size).toBe(3);
  });

  it.each<readonly [string, (world: OAuthWorld, tokens: TokenAnswer, first: string) => Promise<unknown>]>([
    ["signing out everywhere", ({ authority }, _, token) => authority.call("POST", "/auth/logout-all", { token })],
    [
      "the user, from the list of sessions",
      ({ authority }, tokens, token) => authority.call("DELETE", `/auth/sessions/${sidOf(tokens)}`, { token }),
    ],
    [
      "the client's revocation",
      (world, { refresh_token: token }) => world.post("/oauth/revoke", { token, client_id: "shop" }),
    ],
    [
      "an operator",
      ({ authority }, { id_token = "" }) => authority.server.users.endSessions(decodeJwt(id_token).sub ?? ""),
    ],
    [
      "the account's deletion",
      ({ authority }, _, token) => authority.call("DELETE", "/auth/me", { token, json: { password: PASSWORD } }),
    ],
    [
      "a copied refresh token",
      async (world, { refresh_token }) => {
        const next = expectTokens(await world.refresh(refresh_token));
        expectTokens(await world.refresh(next.refresh_token));
        world.authority.advance(60);
        return world.refresh(refresh_token);
      },
    ],
  ])("LO-05: tells of a session that was ended by %s", async (_, end) => {
    const { world, receiver } = await start();
    const first = await world.signIn();
    const tokens = await letIn(world);
    await end(world, tokens, first);
    await expect.poll(() => receiver.received.length, WAIT).toBe(1);
    expect((await validated(world, tokenOf(receiver)))["sid"]).toBe(sidOf(tokens));
  });

  it("tells of the session that ends for a new one at the limit", async () => {
    const receiver = await startReceiver();
    const clients = [{ ...SHOP, backchannelLogoutUri: receiver.url }];
    const world = await startOAuth({ clients, maxSessionsPerUser: 2 });
    await toldFromNowOn(world);
    const tokens = await letIn(world);
    world.authority.advance(1);
    await world.authority.signedIn();
    await world.authority.signedIn();
    await expect.poll(() => receiver.received.length, WAIT).toBe(1);
    expect(sidsOf(receiver)).toEqual([sidOf(tokens)]);
  });

  it("is for its client alone: none for sessions of others, of your own apps, or that the client knows nothing of", async () => {
    const { world, receiver } = await start();
    const own = await world.authority.signedIn();
    const json = { refresh_token: own.refresh_token };
    expect((await world.authority.call("POST", "/auth/logout", { json })).status).toBe(204);
    const redeemed = await world.redeem(await world.obtainCode(IN_LEDGER), IN_LEDGER, basicOf(LEDGER));
    await logOut(world, expectTokens(redeemed));
    const withoutIdToken = await letIn(world, { scope: "orders:read", resource: API });
    expect(withoutIdToken.id_token).toBeUndefined();
    const revoked = { token: withoutIdToken.refresh_token, client_id: "shop" };
    expect((await world.post("/oauth/revoke", revoked)).status).toBe(200);
    await world.obtainCode();
    expect(await world.authority.server.users.endSessions(own.user.id)).toBe(2);
    await world.signIn();

    await expectNothingBefore(world, receiver, 0);
  });
});

describe("LO-03: its delivery", () => {
  it("is tried again, with a new token each time, until the client answers 200 or 204", async () => {
    const { world, receiver } = await start({ backchannelLogoutSessionRequired: true });
    receiver.answer = () => [202, 204][receiver.received.length - 1] ?? 200;
    const tokens = await letIn(world);
    await logOut(world, tokens);
    await expect.poll(() => receiver.received.length, WAIT).toBe(2);
    expect(sidsOf(receiver)).toEqual([sidOf(tokens), sidOf(tokens)]);
    const payloads = [await validated(world, tokenOf(receiver, 0)), await validated(world, tokenOf(receiver, 1))];
    expect(payloads[0]?.jti).not.toBe(payloads[1]?.jti);
    for (const known of [2, 3]) await expectNothingBefore(world, receiver, known);
    expect(world.authority.logs.join("\n")).toContain(
      'a logout token could not be delivered, and is tried again {"client":"shop"',
    );
    expect(world.authority.logs.join("\n")).not.toContain(receiver.url);
    expect(world.authority.logs.join("\n")).not.toContain(tokenOf(receiver, 0));
  });

  it("is given up after three answers of 400, and holds up nothing else for longer", async () => {
    const { world, receiver } = await start();
    const [refused, taken] = [await letIn(world), await letIn(world)];
    receiver.answer = ({ body }) =>
      decodeJwt(new URLSearchParams(body).get("logout_token") ?? "")["sid"] === sidOf(refused) ? 400 : 200;
    await logOut(world, refused);
    await logOut(world, taken);
    await expect.poll(() => receiver.received.length, WAIT).toBe(4);
    expect(sidsOf(receiver)).toEqual([...Array.from({ length: 3 }, () => sidOf(refused)), sidOf(taken)]);
    const givenUp = world.authority.logs.filter((line) => line.includes("given up"));
    expect(givenUp).toEqual([expect.stringContaining("tried 3 times")]);
    expect(givenUp[0]).toMatch(/^error .*"client":"shop","entry":\d+,"status":400/);
  });

  it("of one of many that ended at once does not wait for another that is refused", async () => {
    const { world, receiver } = await start();
    const token = await world.signIn();
    const all = [await letIn(world), await letIn(world), await letIn(world)];
    const [refused] = all.map(sidOf).toSorted();
    receiver.answer = ({ body }) =>
      decodeJwt(new URLSearchParams(body).get("logout_token") ?? "")["sid"] === refused ? 400 : 200;
    await world.authority.call("POST", "/auth/logout-all", { token });
    await expect.poll(() => new Set(sidsOf(receiver)), WAIT).toEqual(new Set(all.map(sidOf)));
  });

  it("follows no redirect", async () => {
    const { world, receiver } = await start();
    receiver.answer = () => (receiver.received.length === 1 ? 307 : 200);
    await logOut(world, await letIn(world));
    await expect.poll(() => receiver.received.length, WAIT).toBe(2);
    expect(receiver.received.map(({ path }) => path)).toEqual(["/hook", "/hook"]);
  });

  it("reaches a client that was down, after a restart too, and goes on to those that are up meanwhile", async () => {
    const receiver = await startReceiver();
    const nobody = "http://127.0.0.1:9/";
    const clients = (shopUri: string) => [
      { ...SHOP, backchannelLogoutUri: shopUri },
      { ...LEDGER, backchannelLogoutUri: receiver.url },
    ];
    const world = await startOAuth({ clients: clients(nobody) });
    for (const id of ["shop", "ledger"]) await toldFromNowOn(world, id);
    const tokens = await letIn(world);
    const inLedger = expectTokens(await world.redeem(await world.obtainCode(IN_LEDGER), IN_LEDGER, basicOf(LEDGER)));
    await logOut(world, tokens);
    await logOut(world, inLedger);
    await expect.poll(() => sidsOf(receiver), WAIT).toEqual([sidOf(inLedger)]);
    await expect.poll(() => world.authority.logs.join("\n"), WAIT).toContain("could not be delivered");

    await world.authority.restart({ clients: clients(receiver.url) });
    await expect.poll(() => sidsOf(receiver), WAIT).toEqual([sidOf(inLedger), sidOf(tokens)]);
  });

  it("is made once more by another node where one was killed in mid-delivery", async () => {
    const world = await startOAuth();
    const receiver = await startReceiver();
    receiver.answer = () => "nothing";
    const { authority } = world;
    const clients = [{ ...SHOP, backchannelLogoutUri: receiver.url }];
    const dying = spawnNode({
      path: authority.path,
      masterSecret: Buffer.from(MASTER_SECRET).toString("hex"),
      now: authority.now(),
      options: { issuer: ISSUER, audiences: [API], scopes: { allowed: OPTIONS.scopes?.allowed ?? [] }, clients },
    });
    await toldFromNowOn(world);
    const tokens = await letIn(world);
    await logOut(world, tokens);
    await expect.poll(() => receiver.received.length, WAIT).toBe(1);
    dying.kill("SIGKILL");
    await once(dying, "exit");

    receiver.answer = () => 200;
    await authority.beside({ clients });
    await expect.poll(() => receiver.received.length, WAIT).toBe(2);
    expect(sidsOf(receiver)).toEqual([sidOf(tokens), sidOf(tokens)]);
  });
});

function spawnNode(order: LogoutNodeOrder) {
  const program = fileURLToPath(new URL("logout-node.ts", import.meta.url));
  const flags = ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning"];
  const child = spawn(process.execPath, [...flags, program, JSON.stringify(order)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

it("LO-02: is told of in the metadata", async () => {
  const { authority } = await startOAuth();
  const { body } = await authority.call("GET", "/.well-known/openid-configuration");
  expect(body).toMatchObject({ backchannel_logout_supported: true, backchannel_logout_session_supported: true });
});
