import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseApiToken } from "@latchkey/protocol";
import { decodeProtectedHeader } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";

import type { Store } from "../../src/index.ts";
import { createSqliteStore } from "../../src/index.ts";
import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import type { TestAuthority } from "../authority.ts";
import { PASSWORD, startAuthority } from "../authority.ts";
import { listed, made, WITH_API_TOKENS } from "../http/api-token-calls.ts";
import { introspect } from "../http/resource-server.ts";
import { createTestDatabase, describeOnPostgres } from "../stores/postgres-database.ts";
import { shareCombinedStores } from "../stores/redis-combined-stores.ts";
import { describeOnRedis } from "../stores/redis-test-server.ts";
import { cursorOf, followFeed, readFeed } from "./feed-reader.ts";

const DAY = 86_400;
/** For how long after its end a token's revocation is told. */
const SLACK = 120;

type OpenStore = () => Store;

const startNode = (store: Store): Promise<TestAuthority> => startAuthority({ ...WITH_API_TOKENS, store });

async function onSqlite(): Promise<OpenStore> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-api-tokens-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return () => createSqliteStore({ path: join(folder, "latchkey.db") });
}

async function onPostgres(): Promise<OpenStore> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return () => createPostgresStore({ connectionString: database.url });
}

describe("API tokens on two nodes with one SQLite file", () => {
  describeNodes(onSqlite);

  it("K-04: its key is published until the last token it signed has expired, however often keys were rotated since", async () => {
    const open = await onSqlite();
    const node = await startNode(open());
    const keys = async (): Promise<readonly string[]> => {
      const { body } = await node.call("GET", "/.well-known/api-token-jwks.json");
      return (body as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
    };
    const { token } = await made(node, await node.signedIn(), { expires_in: 365 * DAY });
    const kid = decodeProtectedHeader(parseApiToken(token) ?? "").kid ?? "";
    const [first] = await keys();
    expect(first).toBe(kid);

    let most = 0;
    for (let day = 0; day < 364; day += 28) {
      node.advance(28 * DAY);
      await expect
        .poll(
          async () =>
            (await node.server.listKeys()).filter(({ purpose, state }) => purpose === "api-token" && state === "next")
              .length,
          { timeout: 5_000 },
        )
        .toBe(1);
      most = Math.max(most, (await keys()).length);
      expect(await keys()).toContain(kid);
    }
    expect((await introspect(node, token)).body).toMatchObject({ active: true });
    expect(most).toBeLessThanOrEqual(15);
    expect((await keys())[0]).not.toBe(kid);

    // Its last token lives a year from when the next key took over, which was after a month.
    node.advance(40 * DAY);
    await expect.poll(keys, { timeout: 5_000 }).not.toContain(kid);
  }, 120_000);
});

describeOnPostgres("API tokens on two nodes with one PostgreSQL", () => describeNodes(onPostgres));

describeOnRedis("API tokens on two nodes with sessions in Redis", () => {
  const combined = shareCombinedStores();
  describeNodes(async () => {
    const place = await combined();
    onTestFinished(() => place.drop());
    return () => place.open();
  });
});

function describeNodes(createDatabase: () => Promise<OpenStore>): void {
  it("one that is revoked at a node is told of by the other, with the time until which it matters, and dead there at once", async () => {
    const open = await createDatabase();
    const [one, other] = [await startNode(open()), await startNode(open())];
    const session = await one.signedIn();
    const { token, api_token: summary } = await made(one, session, { expires_in: 200 * DAY });
    expect((await introspect(other, token)).body).toMatchObject({ active: true });
    const follower = await followFeed(other.server);

    expect((await one.call("DELETE", `/auth/tokens/${summary.id}`, { token: session.access_token })).status).toBe(204);

    expect((await introspect(other, token)).body).toEqual({ active: false });
    expect(await follower.hears("token", summary.id)).toEqual({
      kind: "token",
      id: summary.id,
      until: one.now() + 200 * DAY + SLACK,
    });
    expect(await listed(other, session)).toEqual([]);
  });

  it.each([
    [
      "the account is deleted",
      (node: TestAuthority, token: string) => node.call("DELETE", "/auth/me", { token, json: { password: PASSWORD } }),
    ],
    [
      "the password changes",
      (node: TestAuthority, token: string) =>
        node.call("POST", "/auth/password", {
          token,
          json: { current_password: PASSWORD, new_password: "another battery staple horse" },
        }),
    ],
    ["all are revoked", (node: TestAuthority, token: string) => node.call("DELETE", "/auth/tokens", { token })],
  ])("each is told of by name, with its own end, once %s", async (_, end) => {
    const open = await createDatabase();
    const [one, other] = [await startNode(open()), await startNode(open())];
    const session = await one.signedIn();
    const tokens = [await made(one, session, { expires_in: DAY }), await made(one, session, { expires_in: 300 * DAY })];
    const follower = await followFeed(other.server);

    expect((await end(one, session.access_token)).status).toBe(204);

    for (const { token, api_token: summary } of tokens) {
      const { until } = await follower.hears("token", summary.id);
      expect(until).toBe(Date.parse(summary.expires_at) / 1000 + SLACK);
      expect((await introspect(other, token)).body).toEqual({ active: false });
    }
  });

  it("a revocation is told as long as the token would live, by a node that started long after it, too, and no longer", async () => {
    const open = await createDatabase();
    const before = await startNode(open());
    const session = await before.signedIn();
    const { api_token: summary } = await made(before, session, { expires_in: 100 * DAY });
    const [started, cursor] = [before.now(), cursorOf(await readFeed(before.server))];
    await before.call("DELETE", `/auth/tokens/${summary.id}`, { token: session.access_token });

    const late = async (seconds: number): Promise<TestAuthority> => {
      const now = started + seconds;
      return startAuthority({ ...WITH_API_TOKENS, store: open(), clock: () => now });
    };
    const entry = { kind: "token", id: summary.id, until: started + 100 * DAY + SLACK };

    // Who was away while it was revoked, and comes back to a node that has not read that part of the log.
    const resumed = await readFeed((await late(50 * DAY)).server, cursor);
    expect(resumed[0]?.after).toBeNull();
    expect(resumed.flatMap(({ revocations }) => revocations)).toContainEqual(entry);

    for (const node of [await late(99 * DAY), await late(100 * DAY + SLACK - 1)]) {
      const batches = await readFeed(node.server);
      expect(batches.flatMap(({ revocations }) => revocations)).toContainEqual(entry);
    }
    const over = await late(100 * DAY + SLACK);
    expect((await readFeed(over.server)).flatMap(({ revocations }) => revocations)).toEqual([]);
  });

  it("D-04: revoking its key ends all tokens of it, is told to verifiers, and the next one signs at once", async () => {
    const open = await createDatabase();
    const [one, other] = [await startNode(open()), await startNode(open())];
    const session = await one.signedIn();
    const { token } = await made(one, session);
    const kid = decodeProtectedHeader(parseApiToken(token) ?? "").kid ?? "";
    const follower = await followFeed(other.server);

    expect(await one.server.revokeKey(kid)).toBe(true);

    await follower.hears("key", kid);
    for (const node of [one, other]) expect((await introspect(node, token)).body).toEqual({ active: false });
    const { token: next } = await made(one, session);
    expect((await introspect(other, next)).body).toMatchObject({ active: true });
    expect((await one.call("GET", "/auth/me", { token: session.access_token })).status).toBe(200);
    const batches = await readFeed(other.server);
    expect(batches.flatMap(({ revocations }) => revocations)).toContainEqual({
      kind: "key",
      id: kid,
      until: one.now() + 8 * DAY,
    });
  });
}
