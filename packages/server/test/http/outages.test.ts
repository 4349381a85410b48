import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { Redis } from "ioredis";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";

import { startPostgres } from "../../../../scripts/postgres-server.ts";
import { startRedis } from "../../../../scripts/redis-server.ts";
import type { RateLimiter } from "../../src/index.ts";
import { createSqliteStore } from "../../src/index.ts";
import { createPostgresRateLimiter, createPostgresStore } from "../../src/stores/postgres/index.ts";
import { combineStores, createRedisRateLimiter, createRedisSessionStore } from "../../src/stores/redis/index.ts";
import type { Answer, TestAuthority } from "../authority.ts";
import { expectRefusal, freshKey, granted, PASSWORD, startAuthority } from "../authority.ts";
import { describeOnPostgres } from "../stores/postgres-database.ts";
import { describeOnOwnRedis } from "../stores/redis-test-server.ts";
import { introspect, revoke, WITH_RESOURCE_SERVERS } from "./resource-server.ts";

type Held = Awaited<ReturnType<TestAuthority["signedIn"]>>;

const attempt = (key: string) => ({ "Latchkey-Attempt": key });

/** Everything that a client and an API ask for, all at once; none of it can be answered without the store. */
function askEverything(authority: TestAuthority, held: Held, key: string): Promise<readonly Answer[]> {
  const { access_token: token, refresh_token: refreshToken } = held;
  return Promise.all([
    authority.refresh(refreshToken, attempt(key)),
    authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password: PASSWORD } }),
    authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password: "a wrong password" } }),
    authority.call("POST", "/auth/signup", { json: { email: "eve@example.com", password: PASSWORD } }),
    authority.call("GET", "/auth/me", { token }),
    authority.call("GET", "/auth/sessions", { token }),
    authority.call("POST", "/auth/logout", { json: { refresh_token: refreshToken } }),
    introspect(authority, token),
    introspect(authority, refreshToken),
    revoke(authority, token),
    revoke(authority, refreshToken),
  ]);
}

/** Refused, for now, each with when to ask again; never with what makes a client drop its session. */
function expectUnavailable(answers: readonly Answer[]): void {
  for (const answer of answers) {
    expectRefusal(answer, 503, "unavailable");
    expect(answer.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    expect(answer.headers.getSetCookie()).toEqual([]);
  }
}

/** The session is as it was, to the client that asked in vain: the same key gets the same answer, however often. */
async function expectSameSession(authority: TestAuthority, held: Held, key: string): Promise<void> {
  await expect
    .poll(async () => (await authority.call("GET", "/health/ready")).status, { timeout: 15_000, interval: 100 })
    .toBe(200);
  const next = granted(await authority.refresh(held.refresh_token, attempt(key)));
  expect(next.session_id).toBe(held.session_id);
  expect(granted(await authority.refresh(held.refresh_token, attempt(key))).refresh_token).toBe(next.refresh_token);
  expect((await authority.call("GET", "/auth/me", { token: held.access_token })).status).toBe(200);
  expect((await introspect(authority, held.access_token)).body).toMatchObject({ active: true });
}

async function timed<Result>(work: Promise<Result>): Promise<readonly [Result, number]> {
  const started = performance.now();
  return [await work, performance.now() - started];
}

describeOnPostgres("OP-03: PostgreSQL", () => {
  async function start(): Promise<{ server: Awaited<ReturnType<typeof startPostgres>>; authority: TestAuthority }> {
    const server = await startPostgres();
    onTestFinished(() => server.stop());
    const store = createPostgresStore({ connectionString: server.url });
    return { server, authority: await startAuthority({ store, ...WITH_RESOURCE_SERVERS }) };
  }

  it("killed and started again: 503 meanwhile, and the same session afterwards", { timeout: 90_000 }, async () => {
    const { server, authority } = await start();
    const [held, key] = [await authority.signedIn(), freshKey()];
    const midRequest = Promise.all(
      Array.from({ length: 20 }, () => authority.call("GET", "/auth/me", { token: held.access_token })),
    );
    await server.crash();
    for (const { status } of await midRequest) expect([200, 503]).toContain(status);
    const [answers, took] = await timed(askEverything(authority, held, key));
    expectUnavailable(answers);
    expect(took).toBeLessThan(6_000);
    expectRefusal(await authority.call("GET", "/health/ready"), 503, "unavailable");
    await server.restart();
    await expectSameSession(authority, held, key);
  });

  it(
    "frozen in the middle of requests: 503 within a bound, however many ask, and the same session afterwards",
    { timeout: 90_000 },
    async () => {
      const { server, authority } = await start();
      const [held, key] = [await authority.signedIn(), freshKey()];
      server.pause();
      const crowd = Array.from({ length: 400 }, () => authority.refresh(held.refresh_token, attempt(key)));
      const ready = timed(authority.call("GET", "/health/ready"));
      const [answers, took] = await timed(Promise.all([askEverything(authority, held, key), ...crowd]));
      expectUnavailable(answers.flat());
      expect(took).toBeLessThan(15_000);
      const [notReady, told] = await ready;
      expectRefusal(notReady, 503, "unavailable");
      expect(told).toBeLessThan(2_000);
      server.resume();
      await expectSameSession(authority, held, key);
    },
  );

  it("frozen, where limits are counted in it: nobody may guess uncounted", { timeout: 60_000 }, async () => {
    const server = await startPostgres();
    onTestFinished(() => server.stop());
    await createPostgresStore({ connectionString: server.url }).checkHealth();
    const pool = new pg.Pool({ connectionString: server.url });
    pool.on("error", () => undefined);
    onTestFinished(() => pool.end());
    await expectNoUncountedGuess(createPostgresRateLimiter(pool), {
      takeAway: () => server.pause(),
      giveBack: () => server.resume(),
    });
  });
});

describeOnOwnRedis("OP-03: Redis", () => {
  it.each(["killed", "frozen"] as const)(
    "%s: 503 meanwhile, and the same session afterwards",
    { timeout: 60_000 },
    async (how) => {
      const server = await startRedis();
      onTestFinished(() => server.stop());
      const folder = temporaryFolder();
      const accounts = createSqliteStore({ path: join(folder, "latchkey.db") });
      const authority = await startAuthority({
        store: combineStores({ accounts, sessions: createRedisSessionStore({ url: server.url }) }),
        ...WITH_RESOURCE_SERVERS,
      });
      const [held, key] = [await authority.signedIn(), freshKey()];
      if (how === "killed") await server.crash();
      else server.pause();
      const [answers, took] = await timed(askEverything(authority, held, key));
      // The account itself is in SQLite, so that it is made.
      expectUnavailable(answers.filter((_, index) => index !== 3));
      expect(took).toBeLessThan(12_000);
      expectRefusal(await authority.call("GET", "/health/ready"), 503, "unavailable");
      if (how === "killed") await server.restart();
      else server.resume();
      await expectSameSession(authority, held, key);
    },
  );

  it.each(["killed", "frozen"] as const)(
    "%s, where limits are counted in it: nobody may guess uncounted",
    { timeout: 60_000 },
    async (how) => {
      const server = await startRedis();
      onTestFinished(() => server.stop());
      const client = new Redis(server.url, { maxRetriesPerRequest: 0, enableOfflineQueue: false });
      client.on("error", () => undefined);
      onTestFinished(() => client.disconnect());
      await expect.poll(() => client.status).toBe("ready");
      await expectNoUncountedGuess(createRedisRateLimiter(client), {
        takeAway: () => (how === "killed" ? server.crash() : server.pause()),
        giveBack: () => (how === "killed" ? server.restart() : server.resume()),
      });
    },
  );
});

describe("OP-03: a SQLite file", () => {
  it("locked by another process: 503 meanwhile, and the same session afterwards", { timeout: 120_000 }, async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const [held, key] = [await authority.signedIn(), freshKey()];
    const other = new DatabaseSync(authority.path);
    onTestFinished(() => {
      if (other.isOpen) other.close();
    });
    other.exec("BEGIN IMMEDIATE");
    expectUnavailable([
      await authority.refresh(held.refresh_token, attempt(key)),
      await authority.call("POST", "/auth/logout", { json: { refresh_token: held.refresh_token } }),
    ]);
    expect((await authority.call("GET", "/health/ready")).body).toMatchObject({ reasons: ["store_unavailable"] });
    other.exec("ROLLBACK");
    other.close();
    await expectSameSession(authority, held, key);
  });

  it("whose tables are gone: 503", async () => {
    const authority = await startAuthority(WITH_RESOURCE_SERVERS);
    const held = await authority.signedIn();
    const other = new DatabaseSync(authority.path);
    other.exec("PRAGMA foreign_keys = OFF; ALTER TABLE session RENAME TO lost; ALTER TABLE user RENAME TO lost_too");
    other.close();
    expectUnavailable(await askEverything(authority, held, freshKey()));
  });
});

describe("OP-03 H-05: a rate limiter", () => {
  it.each([
    ["that fails", () => Promise.reject(new Error("away"))],
    [
      "that throws",
      () => {
        throw new Error("away");
      },
    ],
  ] as const)("%s lets nobody guess, with the right password either", async (_what, fail) => {
    const limiter: RateLimiter = { take: fail, count: fail, reset: fail };
    const authority = await startAuthority({ rateLimits: { limiter } });
    for (const password of [PASSWORD, "a wrong password"]) {
      const json = { email: "ada@example.com", password };
      expectUnavailable([
        await authority.call("POST", "/auth/login", { json }),
        await authority.call("POST", "/auth/signup", { json }),
      ]);
    }
  });

  it("that fails once the password was right begins no session", async () => {
    const away = () => Promise.reject(new Error("away"));
    const authority = await startAuthority({
      rateLimits: { limiter: { take: async () => ({ giveBack: away }), count: away, reset: away } },
    });
    const json = { email: "ada@example.com", password: PASSWORD };
    expect((await authority.call("POST", "/auth/signup", { json })).status).toBe(201);
    expectUnavailable([await authority.call("POST", "/auth/login", { json })]);
    const database = new DatabaseSync(authority.path, { readOnly: true });
    expect(database.prepare("SELECT count(*) AS n FROM session").get()).toEqual({ n: 0 });
    database.close();
  });
});

/** A limiter whose store is taken away: guesses are refused, and counted again once it is back. */
async function expectNoUncountedGuess(
  limiter: RateLimiter,
  store: { readonly takeAway: () => void | Promise<void>; readonly giveBack: () => void | Promise<void> },
): Promise<void> {
  const authority = await startAuthority({ rateLimits: { limiter } });
  await authority.signedIn();
  const signIn = (password: string) =>
    authority.call("POST", "/auth/login", { json: { email: "ada@example.com", password } });
  expect((await signIn("a wrong password")).status).toBe(401);
  await store.takeAway();
  const [answers, took] = await timed(Promise.all(["a wrong password", "another one", PASSWORD].map(signIn)));
  expectUnavailable(answers);
  expect(took).toBeLessThan(8_000);
  await store.giveBack();
  await expect.poll(async () => (await signIn(PASSWORD)).status, { timeout: 10_000, interval: 100 }).toBe(200);
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-outage-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
