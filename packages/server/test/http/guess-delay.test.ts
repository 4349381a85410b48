import { Redis } from "ioredis";
import pg from "pg";
import { describe, expect, it, onTestFinished, vi } from "vitest";

import { startRedis } from "../../../../scripts/redis-server.ts";
import type { RateLimiter } from "../../src/index.ts";
import { createMemoryRateLimiter } from "../../src/index.ts";
import { createPostgresRateLimiter, createPostgresStore } from "../../src/stores/postgres/index.ts";
import { createRedisRateLimiter } from "../../src/stores/redis/index.ts";
import type { Answer, TestAuthority } from "../authority.ts";
import { cookieJar, expectRefusal, ISSUER, PASSWORD, startAuthority } from "../authority.ts";
import { createTestDatabase, describeOnPostgres } from "../stores/postgres-database.ts";
import { describeOnOwnRedis } from "../stores/redis-test-server.ts";

const ADA = "ada@example.com";
const WRONG = "a wrong guess of a password";
const NEW = "another correct horse battery";
/** Only guesses of accounts are counted: all calls of these tests come from one network. */
const ANY_NETWORK = { failuresPerNetwork: { points: 10_000, windowSeconds: 60 } };

interface By {
  readonly email?: string;
  readonly cookie?: string;
}

const login = (authority: TestAuthority, password: string, { email = ADA, cookie }: By = {}): Promise<Answer> =>
  authority.call("POST", "/auth/login", {
    json: { email, password, ...(cookie !== undefined && { transport: "cookie" }) },
    headers: cookie === undefined ? {} : { Cookie: cookie, Origin: ISSUER },
  });

const retryAfter = ({ headers }: Answer): number => Number(headers.get("retry-after"));

/** The limiter's clock, which is not the authority's, stands still; what is returned moves it. */
function stopTime(): (seconds: number) => void {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  return (seconds) => void vi.setSystemTime(Date.now() + seconds * 1_000);
}

/** An account whose password somebody without a session has just guessed wrong five times: the next is held off. */
async function heldOff(options = {}): Promise<TestAuthority> {
  const authority = await startAuthority({ rateLimits: ANY_NETWORK, ...options });
  await authority.signedIn();
  for (let guess = 0; guess < 5; guess++) expectRefusal(await login(authority, WRONG), 401, "invalid_credentials");
  expectRefusal(await login(authority, PASSWORD), 429, "rate_limited");
  return authority;
}

/** A browser that is signed in: what its cookie jar sends. */
async function signedInBrowser(authority: TestAuthority, login: object = {}, email = ADA): Promise<string> {
  await authority.signedIn({ email });
  const browser = cookieJar();
  const json = { email, password: PASSWORD, transport: "cookie", ...login };
  const answer = await authority.call("POST", "/auth/login", { json, headers: { Origin: ISSUER } });
  expect(answer.status).toBe(200);
  browser.take(answer);
  return browser.header();
}

describe("H-05 PW-04: wrong passwords for one account", () => {
  it.each([
    ["that exists", true],
    ["that does not", false],
  ])("%s are held off, after the fifth, twice as long each time", async (_which, exists) => {
    const advance = stopTime();
    const authority = await startAuthority({ rateLimits: ANY_NETWORK });
    if (exists) await authority.signedIn();
    for (let guess = 0; guess < 4; guess++) expect((await login(authority, WRONG)).status).toBe(401);
    const waits = [];
    for (let guess = 5; guess <= 10; guess++) {
      expectRefusal(await login(authority, WRONG), 401, "invalid_credentials");
      const refused = await login(authority, WRONG);
      expectRefusal(refused, 429, "rate_limited");
      waits.push(retryAfter(refused));
      advance(retryAfter(refused) - 1);
      expectRefusal(await login(authority, WRONG), 429, "rate_limited");
      advance(1);
    }
    // The tenth is the last of its quarter of an hour.
    expect(waits).toEqual([5, 10, 20, 40, 80, 900 - 155]);
  });

  it("50 at once are five, and one more each time the delay is over; those refused make nobody wait longer", async () => {
    const advance = stopTime();
    const authority = await startAuthority({ rateLimits: ANY_NETWORK });
    await authority.signedIn();
    for (const [checked, wait] of [
      [5, 5],
      [1, 10],
      [1, 20],
      [1, 40],
    ] as const) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => login(authority, WRONG)));
      const refused = answers.filter(({ status }) => status === 429);
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(checked);
      expect(refused).toHaveLength(50 - checked);
      expect(new Set(refused.map(retryAfter))).toEqual(new Set([wait]));
      advance(wait);
    }
  });

  it("are forgotten once the right one came, which waits for its turn like any other", async () => {
    const advance = stopTime();
    const authority = await heldOff();
    for (let round = 0; round < 3; round++) {
      advance(5);
      expect((await login(authority, PASSWORD)).status).toBe(200);
      for (let guess = 0; guess < 5; guess++) expectRefusal(await login(authority, WRONG), 401, "invalid_credentials");
      expect(retryAfter(await login(authority, PASSWORD))).toBe(5);
    }
  });

  it("that could not be checked hold nobody off", async () => {
    const advance = stopTime();
    let isAway = false;
    const authority = await startAuthority({
      rateLimits: ANY_NETWORK,
      users: {
        authenticate: () => {
          if (isAway) throw new Error("away");
          return Promise.resolve(null);
        },
        findUser: () => Promise.resolve(null),
      },
    });
    for (let guess = 0; guess < 5; guess++) expect((await login(authority, WRONG)).status).toBe(401);
    advance(5);
    isAway = true;
    for (let guess = 0; guess < 5; guess++) expect((await login(authority, WRONG)).status).toBe(503);
    isAway = false;
    expectRefusal(await login(authority, WRONG), 401, "invalid_credentials");
    expect(retryAfter(await login(authority, WRONG))).toBe(10);
  });
});

describe("H-05: while others guess a password, its owner", () => {
  it.each(["cookie", "session"])("signs in with a browser that is signed in (%s)", async (transport) => {
    const authority = await startAuthority({ rateLimits: ANY_NETWORK });
    const cookie = await signedInBrowser(authority, { transport });
    for (let guess = 0; guess < 5; guess++) await login(authority, WRONG);
    expectRefusal(await login(authority, PASSWORD), 429, "rate_limited");
    expect((await login(authority, PASSWORD, { cookie })).status).toBe(200);
    // It was nobody's right guess but its own.
    expectRefusal(await login(authority, PASSWORD), 429, "rate_limited");
  });

  it("who is signed in changes it", async () => {
    const authority = await startAuthority({ rateLimits: ANY_NETWORK });
    const { access_token: token } = await authority.signedIn();
    for (let guess = 0; guess < 5; guess++) await login(authority, WRONG);
    const json = { current_password: PASSWORD, new_password: NEW };
    expect((await authority.call("POST", "/auth/password", { token, json })).status).toBe(204);
  });

  it("is held off alike for guesses of their own", async () => {
    const authority = await startAuthority({ rateLimits: ANY_NETWORK });
    const cookie = await signedInBrowser(authority);
    const answers = await Promise.all(Array.from({ length: 50 }, () => login(authority, WRONG, { cookie })));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    expectRefusal(await login(authority, PASSWORD, { cookie }), 429, "rate_limited");
  });

  it("is not somebody with a session of another account, or one that was signed out", async () => {
    const authority = await startAuthority({ rateLimits: ANY_NETWORK });
    const mallory = await signedInBrowser(authority, {}, "mallory@example.com");
    const former = await signedInBrowser(authority);
    const { access_token: token } = await authority.signedIn();
    await authority.call("POST", "/auth/logout-all", { token });
    for (let guess = 0; guess < 5; guess++) await login(authority, WRONG);
    for (const cookie of [mallory, former]) {
      expectRefusal(await login(authority, WRONG, { cookie }), 429, "rate_limited");
    }
  });
});

describe("PW-04: a hundred wrong passwords in a row", () => {
  it("are the last also of somebody who is signed in", async () => {
    const authority = await startAuthority({ rateLimits: { ...ANY_NETWORK, consecutiveFailures: 5 } });
    const cookie = await signedInBrowser(authority);
    for (let guess = 0; guess < 5; guess++) await login(authority, WRONG);
    expectRefusal(await login(authority, PASSWORD, { cookie }), 401, "invalid_credentials");
  });
});

describe("the delay", () => {
  it.each([{ afterFailures: 1, seconds: 5 }, { afterFailures: 5, seconds: 1 }, { afterFailures: 5 }])(
    "may not be %j",
    async (delayPerAccount) => {
      const rateLimits = { delayPerAccount } as never;
      await expect(startAuthority({ rateLimits })).rejects.toThrow(/rateLimits/);
    },
  );

  it("counted in memory is one node's", async () => {
    const advance = stopTime();
    await expectOneDelay(
      createMemoryRateLimiter(),
      (authority) => Promise.resolve(authority),
      async (seconds) => {
        advance(seconds);
      },
    );
  });
});

describeOnPostgres("the delay counted in PostgreSQL", () => {
  it("is shared by nodes", async () => {
    const advance = stopTime();
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const pool = new pg.Pool({ connectionString: database.url });
    pool.on("error", () => undefined);
    onTestFinished(() => pool.end());
    // It makes the table.
    const store = createPostgresStore({ connectionString: database.url });
    await store.checkHealth();
    await store.close();
    const limiter = createPostgresRateLimiter(pool);
    await expectOneDelay(
      limiter,
      (authority) => authority.beside(),
      async (seconds) => advance(seconds),
    );
  });
});

describeOnOwnRedis("the delay counted in Redis", () => {
  it("is shared by nodes", { timeout: 60_000 }, async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const client = new Redis(server.url, { maxRetriesPerRequest: 0, enableOfflineQueue: false });
    client.on("error", () => undefined);
    onTestFinished(() => client.disconnect());
    await expect.poll(() => client.status).toBe("ready");
    const wait = (seconds: number) => new Promise<void>((resolve) => void setTimeout(resolve, seconds * 1_000 + 50));
    await expectOneDelay(createRedisRateLimiter(client), (authority) => authority.beside(), wait);
  });
});

/** Two nodes that share a limiter check together what one alone would. */
async function expectOneDelay(
  limiter: RateLimiter,
  besides: (authority: TestAuthority) => Promise<TestAuthority>,
  wait: (seconds: number) => Promise<void>,
): Promise<void> {
  const first = await startAuthority({ rateLimits: { ...ANY_NETWORK, limiter } });
  const second = await besides(first);
  await first.signedIn();
  for (const [checked, seconds] of [
    [5, 5],
    [1, 10],
  ] as const) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => login(index % 2 === 0 ? first : second, WRONG)),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(checked);
    for (const answer of answers.filter(({ status }) => status !== 401)) expectRefusal(answer, 429, "rate_limited");
    const left = Math.max(...answers.map((answer) => retryAfter(answer) || 0));
    expect(left).toBeGreaterThan(seconds - 3);
    expect(left).toBeLessThanOrEqual(seconds);
    if (seconds < 10) await wait(left);
  }
  expect((await login(second, PASSWORD)).status).toBe(429);
}
