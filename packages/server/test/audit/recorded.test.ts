import { setTimeout as sleep } from "node:timers/promises";

import { expect, it } from "vitest";

import type { AuditEntry } from "../../src/index.ts";
import { unlockPassword } from "../../src/index.ts";
import { createDpopClient } from "../dpop-client.ts";
import { createSqliteStore } from "../../src/stores/sqlite/index.ts";
import type { TestAuthority } from "../authority.ts";
import { expectRefusal, freshKey, granted, PASSWORD, startAuthority } from "../authority.ts";
import { basicOf, LEDGER, SECRET, SHOP, startOAuth } from "../http/oauth/oauth-world.ts";

/** The log's entries, oldest first, once the newest is of this type. */
async function recorded(authority: TestAuthority, newest: string): Promise<readonly AuditEntry[]> {
  for (let tries = 0; tries < 100; tries++) {
    const [entry] = await authority.server.audit.list({ limit: 1 });
    if (entry?.event.type === newest) break;
    await sleep(50);
  }
  const entries = (await authority.server.audit.list({ limit: 1_000 })).toReversed();
  return entries.filter(({ event }) => !event.type.startsWith("key_"));
}

const typesOf = (entries: readonly AuditEntry[]) => entries.map(({ event }) => event.type);

it("OP-02: sign-ups, sign-ins and their failures, passwords and endings are recorded, in their order, with where they came from", async () => {
  const authority = await startAuthority();
  const { access_token: token, user } = await authority.signedIn();
  const wrong = { email: "ada@example.com", password: `${PASSWORD}!` };
  await authority.call("POST", "/auth/login", { json: wrong, headers: { "User-Agent": "curl" } });
  await authority.call("POST", "/auth/login", { json: { ...wrong, email: "nobody@example.com" } });
  const change = { current_password: `${PASSWORD}!`, new_password: "another good password" };
  await authority.call("POST", "/auth/password", { token, json: change });
  await authority.call("POST", "/auth/logout-all", { token });

  const entries = await recorded(authority, "user_sessions_revoked");

  expect(typesOf(entries)).toEqual([
    "user_signed_up",
    "signed_in",
    "sign_in_failed",
    "sign_in_failed",
    "reauthentication_failed",
    "user_sessions_revoked",
  ]);
  expect(entries[2]?.event).toMatchObject({
    userId: user.id,
    at: authority.now(),
    origin: { ip: "203.0.113.9", userAgent: "curl" },
  });
  expect(entries[3]?.event.userId).toBeNull();
  expect(await authority.server.audit.list({ userId: user.id, types: ["sign_in_failed"] })).toEqual([entries[2]]);
  expect(await authority.server.audit.verify()).toMatchObject({ intact: true });
});

it("OP-02: a flood of refused sign-ins is recorded once a minute", async () => {
  const authority = await startAuthority({ rateLimits: { failuresPerAccount: { points: 2, windowSeconds: 900 } } });
  const guess = () => authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password: "wrong" } });
  for (let tries = 0; tries < 6; tries++) await guess();
  authority.advance(60);
  for (let tries = 0; tries < 3; tries++) await guess();
  await authority.call("POST", "/auth/signup", { json: { email: "eve@example.com", password: PASSWORD } });

  const entries = await recorded(authority, "user_signed_up");

  const causes = entries.map(({ event }) => (event.type === "sign_in_failed" ? (event.cause ?? "wrong") : event.type));
  expect(causes).toEqual(["wrong", "wrong", "rate_limited", "rate_limited", "user_signed_up"]);
});

it("OP-02: a late duplicate is recorded once for its token, reuse ends the session, and plain refreshes add nothing", async () => {
  const authority = await startAuthority();
  const first = await authority.signedIn();
  const [one, two] = [freshKey(), freshKey()];
  const second = granted(await authority.refresh(first.refresh_token, { "Idempotency-Key": one }));
  granted(await authority.refresh(first.refresh_token, { "Idempotency-Key": one }));
  granted(await authority.refresh(second.refresh_token, { "Idempotency-Key": two }));
  for (let tries = 0; tries < 4; tries++) {
    expectRefusal(await authority.refresh(first.refresh_token, { "Idempotency-Key": one }), 409, "superseded");
  }
  expectRefusal(await authority.refresh(first.refresh_token, { "Idempotency-Key": freshKey() }), 401, "session_ended");

  const entries = await recorded(authority, "session_revoked");

  expect(typesOf(entries)).toEqual(["user_signed_up", "signed_in", "refresh_superseded", "session_revoked"]);
  expect(entries.at(-1)?.event).toMatchObject({ reason: "refresh_token_reuse", sessionId: first.session_id });
});

it("OP-02: a late duplicate is recorded again in the next hour, though nothing else has happened", async () => {
  const authority = await startAuthority();
  const first = await authority.signedIn();
  const [one, two] = [freshKey(), freshKey()];
  const second = granted(await authority.refresh(first.refresh_token, { "Idempotency-Key": one }));
  const third = granted(await authority.refresh(second.refresh_token, { "Idempotency-Key": two }));
  for (let hours = 0; hours < 3; hours++) {
    for (let tries = 0; tries < 2; tries++) await authority.refresh(first.refresh_token, { "Idempotency-Key": one });
    authority.advance(3_600);
  }
  await authority.call("POST", "/auth/logout", { json: { refresh_token: third.refresh_token } });

  const types = typesOf(await recorded(authority, "session_revoked"));

  expect(types.filter((type) => type === "refresh_superseded")).toHaveLength(3);
});

it("OP-02: who knows the password and is not let in by the authorize hook is recorded", async () => {
  const authority = await startAuthority({ hooks: { authorize: () => false } });
  const credentials = { email: "ada@example.com", password: PASSWORD };
  await authority.call("POST", "/auth/signup", { json: credentials });
  expectRefusal(await authority.call("POST", "/auth/login", { json: credentials }), 403, "account_disabled");

  const entries = await recorded(authority, "sign_in_failed");

  expect(typesOf(entries)).toEqual(["user_signed_up", "sign_in_failed"]);
  expect(entries[1]?.event).toMatchObject({ cause: "account_disabled", userId: entries[0]?.event.userId });
});

it("OP-02 G-01: a replayed proof is recorded once an hour for its user, and its session, however often it comes", async () => {
  const authority = await startAuthority();
  const client = await createDpopClient(authority.now);
  const json = { email: "ada@example.com", password: PASSWORD };
  await authority.call("POST", "/auth/signup", { json });
  const signInProof = await client.prove("POST", "/auth/login");
  const session = granted(await authority.call("POST", "/auth/login", { json, headers: signInProof }));
  const refreshProof = await client.prove("POST", "/auth/refresh");
  const key = { "Idempotency-Key": freshKey() };
  granted(await authority.refresh(session.refresh_token, { ...refreshProof, ...key }));
  for (let tries = 0; tries < 4; tries++) {
    const replayed = await authority.call("POST", "/auth/login", { json, headers: signInProof });
    expectRefusal(replayed, 400, "invalid_dpop_proof");
    const refreshed = await authority.refresh(session.refresh_token, { ...refreshProof, ...key });
    expectRefusal(refreshed, 400, "invalid_dpop_proof");
  }
  await authority.call("POST", "/auth/logout", { json: { refresh_token: session.refresh_token } });

  const entries = await recorded(authority, "session_revoked");

  expect(entries.slice(2).map(({ event }) => [event.type, "cause" in event ? event.cause : undefined])).toEqual([
    ["sign_in_failed", "replayed_proof"],
    ["refresh_refused", "replayed_proof"],
    ["session_revoked", undefined],
  ]);
  expect(entries[2]?.event.userId).toBe(session.user.id);
  expect(entries[3]?.event).toMatchObject({ sessionId: session.session_id });
});

const WRONG = `${SECRET} but for a letter`;
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

it("OP-02: a client that cannot prove who it is is recorded wherever it calls, without what it presented", async () => {
  const world = await startOAuth({ resourceServers: [{ id: "gateway", secret: SECRET }] });
  const wrong = (clientId: string) => basicOf({ ...LEDGER, clientId }, WRONG);
  const places = [
    () => world.post("/oauth/token", { grant_type: "refresh_token", refresh_token: "x" }, wrong("ledger")),
    () => world.post("/oauth/par", { client_id: "ledger" }),
    () => world.post("/oauth/revoke", { token: "x" }, wrong("ledger")),
    () => world.post("/oauth/introspect", { token: "x" }, wrong("gateway")),
    () => world.authority.call("GET", "/revocations", { headers: wrong("gateway") }),
  ];
  for (const call of places) {
    expectRefusal(await call(), 401, "invalid_client");
    world.authority.advance(3_600);
  }
  await world.signIn();

  const entries = await recorded(world.authority, "signed_in");

  const failures = entries.flatMap(({ event }) =>
    event.type === "client_authentication_failed" ? [`${event.clientId} ${event.userId} ${event.origin.ip}`] : [],
  );
  const [client, server] = ["ledger null 203.0.113.9", "gateway null 203.0.113.9"];
  expect(failures).toEqual([client, client, client, server, server]);
  expect(JSON.stringify(entries)).not.toContain("but for a letter");
});

it("OP-02: a client's failures are recorded once an hour for its network, and all names that nobody has as one", async () => {
  const world = await startOAuth();
  const refused = async (fields: Record<string, string>, headers: Record<string, string> = {}): Promise<void> => {
    const form = { grant_type: "refresh_token", refresh_token: "x", ...fields };
    expectRefusal(await world.post("/oauth/token", form, headers), 401, "invalid_client");
  };
  const unsigned = (sub: string): string =>
    `x.${Buffer.from(JSON.stringify({ iss: sub, sub, aud: "x", exp: 0, jti: "x" })).toString("base64url")}.x`;
  for (let tries = 0; tries < 4; tries++) {
    await refused({}, basicOf(LEDGER, WRONG));
    await refused({ client_id: "ledger", client_secret: SECRET });
    await refused({ client_assertion: unsigned("ledger"), client_assertion_type: ASSERTION_TYPE });
    await refused({}, basicOf(SHOP, ""));
    await refused({}, basicOf({ ...LEDGER, clientId: `made-up-${tries}` }));
    await refused({ client_id: `made-up-too-${tries}` });
    await refused({ client_assertion: unsigned(`made-up-thrice-${tries}`), client_assertion_type: ASSERTION_TYPE });
    await refused({}, { Authorization: "Basic ???" });
  }
  world.authority.advance(3_600);
  await refused({}, basicOf(LEDGER, WRONG));
  await world.signIn();

  const entries = await recorded(world.authority, "signed_in");

  const failures = entries.flatMap(({ event }) =>
    event.type === "client_authentication_failed" ? [event.clientId] : [],
  );
  expect(failures).toEqual(["ledger", "shop", null, "ledger"]);
  expect(JSON.stringify(entries)).not.toContain("made-up");
});

it("OP-02: who proves to be a client, or names a public one, leaves nothing", async () => {
  const world = await startOAuth();
  const form = { grant_type: "refresh_token", refresh_token: "x" };
  expectRefusal(await world.post("/oauth/token", form, basicOf(LEDGER)), 400, "invalid_grant");
  expectRefusal(await world.post("/oauth/token", { ...form, client_id: "shop" }), 400, "invalid_grant");
  await world.signIn();
  expect(typesOf(await recorded(world.authority, "signed_in"))).toEqual(["user_signed_up", "signed_in"]);
});

it("auditRefreshes: every rotation and retry is recorded", async () => {
  const authority = await startAuthority({ auditRefreshes: true });
  const first = await authority.signedIn();
  const key = freshKey();
  granted(await authority.refresh(first.refresh_token, { "Idempotency-Key": key }));
  granted(await authority.refresh(first.refresh_token, { "Idempotency-Key": key }));

  const entries = await recorded(authority, "refresh_retried");

  expect(typesOf(entries)).toEqual(["user_signed_up", "signed_in", "refreshed", "refresh_retried"]);
  expect(entries.at(-1)?.event).toMatchObject({ behind: 1, sessionId: first.session_id });
});

it("OP-02: what administrators do is recorded", async () => {
  const authority = await startAuthority();
  await authority.signedIn();
  await authority.server.setRoles("ada@example.com", ["admin"]);
  const store = createSqliteStore({ path: authority.path });
  expect(await unlockPassword({ store, clock: authority.now }, "ada@example.com")).toBe(true);
  expect(await unlockPassword({ store, clock: authority.now }, "nobody@example.com")).toBe(false);
  await store.close();

  const entries = await recorded(authority, "password_unlocked");

  expect(typesOf(entries)).toEqual(["user_signed_up", "signed_in", "roles_changed", "password_unlocked"]);
});

it("a node goes on where another has stopped", async () => {
  const authority = await startAuthority();
  await authority.signedIn();
  await recorded(authority, "signed_in");
  const restarted = await authority.restart();
  const { access_token: token } = await restarted.signedIn();
  await restarted.call("POST", "/auth/logout-all", { token });
  const entries = await recorded(restarted, "user_sessions_revoked");
  expect(typesOf(entries).filter((type) => type === "signed_in")).toHaveLength(2);
  expect(await restarted.server.audit.verify()).toMatchObject({ intact: true });
});
