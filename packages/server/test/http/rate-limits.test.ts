import { hash } from "node:crypto";

import pg from "pg";
import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished, vi } from "vitest";

import { startRedis } from "../../../../scripts/redis-server.ts";
import { createMemoryRateLimiter, createSqliteStore } from "../../src/index.ts";
import { createPostgresRateLimiter, createPostgresStore } from "../../src/stores/postgres/index.ts";
import { createRedisRateLimiter } from "../../src/stores/redis/index.ts";
import type { Answer, TestAuthority } from "../authority.ts";
import { expectRefusal, PASSWORD, startAuthority } from "../authority.ts";
import { createTestDatabase, describeOnPostgres } from "../stores/postgres-database.ts";
import { describeOnOwnRedis } from "../stores/redis-test-server.ts";

const ADA = "ada@example.com";

interface From {
  readonly email?: string;
  readonly peer?: string | undefined;
  readonly forwardedFor?: string;
}

/** A sign-in as it arrives from an address. */
async function signIn(authority: TestAuthority, password: string, from: From = {}): Promise<Answer> {
  const { email = ADA, peer = "198.51.100.1", forwardedFor } = from;
  const request = new Request(`${authority.server.issuer}/auth/login`, {
    method: "POST",
    body: JSON.stringify({ email, password }),
    headers: {
      "Content-Type": "application/json",
      ...(forwardedFor !== undefined && { "X-Forwarded-For": forwardedFor }),
    },
  });
  const response = await authority.server.fetch(request, { remoteAddress: peer });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const guess = (authority: TestAuthority, from?: From): Promise<Answer> =>
  signIn(authority, "a wrong guess of a password", from);

/** As many guesses as are answered before one is refused for their number. */
async function guessesUntilLimited(authority: TestAuthority, fromOf: (index: number) => From): Promise<number> {
  for (let index = 0; index < 200; index++) {
    const { status } = await guess(authority, fromOf(index));
    if (status === 429) return index;
    expect(status).toBe(401);
  }
  return Infinity;
}

/** Another address with the same first 20 bits of its hash, as anybody finds one in a second. */
function namesakeOf(email: string): string {
  const prefixOf = (text: string): string => hash("sha256", text, "hex").slice(0, 5);
  const wanted = prefixOf(email);
  for (let number = 0; ; number++) {
    const candidate = `mallory${number}@example.com`;
    if (prefixOf(candidate) === wanted) return candidate;
  }
}

/** The ceiling alone, which is reached without waiting; how failures are held off before is in guess-delay.test.ts. */
const NOT_DELAYED = { rateLimits: { delayPerAccount: { afterFailures: 1_000, seconds: 5 } } };

/** Another IPv4 address every time. */
const anywhere = (index: number): string => `203.0.${index >> 8}.${index & 255}`;

describe("guessing passwords (H-05, PW-04)", () => {
  it("of one account is slowed down wherever it comes from, and the right one waits as well", async () => {
    const authority = await startAuthority(NOT_DELAYED);
    await authority.signedIn();

    expect(await guessesUntilLimited(authority, (index) => ({ peer: anywhere(index) }))).toBe(10);

    const refused = await signIn(authority, PASSWORD, { peer: "198.51.100.77" });
    expectRefusal(refused, 429, "rate_limited");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(800);
    expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(900);
  });

  it("of an account that does not exist is slowed down alike", async () => {
    const authority = await startAuthority(NOT_DELAYED);
    const from = (index: number): From => ({ email: "nobody@example.com", peer: anywhere(index) });
    expect(await guessesUntilLimited(authority, from)).toBe(10);
  });

  it("in any spelling of the address counts for the one account", async () => {
    const authority = await startAuthority(NOT_DELAYED);
    await authority.signedIn();
    const from = (index: number): From => ({ email: index % 2 === 0 ? "ADA@example.com" : ADA, peer: anywhere(index) });
    expect(await guessesUntilLimited(authority, from)).toBe(10);
  });

  it("50 at once checks no more of them than may fail", async () => {
    const authority = await startAuthority(NOT_DELAYED);
    await authority.signedIn();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => guess(authority, { peer: anywhere(index) })),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(40);
  });

  it("of many accounts from one network is slowed down: an IPv4 address, and 64 bits of an IPv6 address", async () => {
    const authority = await startAuthority(NOT_DELAYED);
    const emailOf = (index: number): string => `user-${index}@example.com`;
    expect(await guessesUntilLimited(authority, (index) => ({ email: emailOf(index) }))).toBe(50);
    const inOne64 = (index: number): From => ({ email: emailOf(index), peer: `2001:db8:1:2:${index.toString(16)}::9` });
    expect(await guessesUntilLimited(authority, inOne64)).toBe(50);
    expect((await guess(authority, { email: "another@example.com", peer: "2001:db8:1:3::9" })).status).toBe(401);
    // The same address, written as IPv6.
    expect((await guess(authority, { email: "another@example.com", peer: "::ffff:198.51.100.1" })).status).toBe(429);
  });

  it("is forgotten once the password was right", async () => {
    const authority = await startAuthority(NOT_DELAYED);
    await authority.signedIn();
    for (let round = 0; round < 4; round++) {
      for (let index = 0; index < 9; index++) expect((await guess(authority)).status).toBe(401);
      expect((await signIn(authority, PASSWORD)).status).toBe(200);
    }
  });

  it("is not forgotten by sign-ins to an account whose address was chosen to share its bucket", async () => {
    const authority = await startAuthority(NOT_DELAYED);
    await authority.signedIn();
    const email = namesakeOf(ADA);
    await authority.signedIn({ email });
    for (let index = 0; index < 9; index++)
      expect((await guess(authority, { peer: anywhere(index) })).status).toBe(401);
    expect((await signIn(authority, PASSWORD, { email })).status).toBe(200);

    expect((await guess(authority, { peer: anywhere(9) })).status).toBe(401);
    expect((await guess(authority, { peer: anywhere(10) })).status).toBe(429);
  });

  it("a hundred times in a row, however slowly, leaves no password right until it is set anew", async () => {
    const authority = await startAuthority({ rateLimits: false });
    const { access_token: token } = await authority.signedIn();
    for (let index = 0; index < 100; index++) expect((await guess(authority)).status).toBe(401);

    expectRefusal(await signIn(authority, PASSWORD), 401, "invalid_credentials");

    // Who is signed in stays so, but may not guess on either.
    expect((await authority.call("GET", "/auth/me", { token })).status).toBe(200);
    const json = { current_password: PASSWORD, new_password: "another correct horse battery" };
    expectRefusal(await authority.call("POST", "/auth/password", { token, json }), 401, "invalid_credentials");
    const restarted = await authority.restart();
    expectRefusal(await signIn(restarted, PASSWORD), 401, "invalid_credentials");
  });

  it("with a stolen access token counts the same", async () => {
    const authority = await startAuthority(NOT_DELAYED);
    const { access_token: token } = await authority.signedIn();
    const change = (current: string): Promise<Answer> =>
      authority.call("POST", "/auth/password", {
        token,
        json: { current_password: current, new_password: "another correct horse battery" },
      });
    for (let index = 0; index < 10; index++) expectRefusal(await change("wrong"), 401, "invalid_credentials");
    expectRefusal(await change(PASSWORD), 429, "rate_limited");
  });
});

describe("a right password", () => {
  it("H-05: that was being checked when its window ended gives nobody a guess more in the next", async () => {
    const limiter = createMemoryRateLimiter();
    const limit = { name: "failures-per-network", points: 3, windowSeconds: 10 };
    const asked = Date.now();
    const taken = await Promise.all(Array.from({ length: 3 }, () => limiter.take(limit, "a")));
    vi.useFakeTimers({ toFake: ["Date"], now: asked + 10_100 });
    onTestFinished(() => void vi.useRealTimers());

    const isTaken = async (): Promise<boolean> => typeof (await limiter.take(limit, "a")) !== "number";
    const before = [await isTaken(), await isTaken()];
    for (const point of taken) if (typeof point !== "number") await point.giveBack();
    const after = [await isTaken(), await isTaken(), await isTaken()];

    expect([...before, ...after]).toEqual([true, true, true, false, false]);
  });

  it("leaves the network the guesses it had", async () => {
    const authority = await startAuthority({ rateLimits: { failuresPerNetwork: { points: 3, windowSeconds: 60 } } });
    await authority.signedIn();
    for (let index = 0; index < 6; index++) expect((await signIn(authority, PASSWORD)).status).toBe(200);
    const from = (index: number): From => ({ email: `user-${index}@example.com` });
    expect(await guessesUntilLimited(authority, from)).toBe(3);
  });
});

describe("making accounts", () => {
  it("is bounded for one network", async () => {
    const authority = await startAuthority({ rateLimits: { signUpsPerNetwork: { points: 3, windowSeconds: 60 } } });
    const signUp = (index: number): Promise<Answer> =>
      authority.call("POST", "/auth/signup", { json: { email: `user-${index}@example.com`, password: PASSWORD } });
    for (let index = 0; index < 3; index++) expect((await signUp(index)).status).toBe(201);
    expectRefusal(await signUp(3), 429, "rate_limited");
  });
});

describe("X-Forwarded-For", () => {
  it("is believed of nobody but trusted proxies: 40 of 40 made-up addresses do not get around the limit", async () => {
    const authority = await startAuthority({ rateLimits: { failuresPerNetwork: { points: 5, windowSeconds: 60 } } });
    const from = (index: number): From => ({ email: `user-${index}@example.com`, forwardedFor: anywhere(index) });
    expect(await guessesUntilLimited(authority, from)).toBe(5);
  });

  it("tells behind a trusted proxy who called it, whatever the caller wrote there before", async () => {
    const authority = await startAuthority({
      trustedProxies: ["10.0.0.0/8", "2001:db8:ffff::1"],
      rateLimits: { failuresPerNetwork: { points: 5, windowSeconds: 60 } },
    });
    const from = (index: number): From => ({
      email: `user-${index}@example.com`,
      peer: "::ffff:10.1.2.3",
      forwardedFor: `${anywhere(index)}, 198.51.100.9, 2001:db8:ffff::1`,
    });
    expect(await guessesUntilLimited(authority, from)).toBe(5);
    const another = { email: "x@example.com", peer: "10.1.2.3", forwardedFor: "198.51.100.10" };
    expect((await guess(authority, another)).status).toBe(401);
  });

  it("is recorded as the address of a session", async () => {
    const authority = await startAuthority({ trustedProxies: ["10.0.0.1"] });
    await authority.signedIn();
    const answer = await signIn(authority, PASSWORD, { peer: "10.0.0.1", forwardedFor: "2001:DB8::0001" });
    const { access_token: token } = answer.body as { access_token: string };
    const { body } = await authority.call("GET", "/auth/sessions", { token });
    expect(body).toMatchObject({ sessions: expect.arrayContaining([expect.objectContaining({ ip: "2001:db8::1" })]) });
  });

  it.each(["10.0.0.0/33", "everybody", "10.0.0", ""])("refuses %j as a proxy to trust", async (proxy) => {
    await expect(startAuthority({ trustedProxies: [proxy] })).rejects.toThrow(/^trustedProxies: /);
  });
});

describeOnPostgres("limits counted in PostgreSQL", () => {
  it("are shared by nodes", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const pool = new pg.Pool({ connectionString: database.url });
    pool.on("error", () => undefined);
    onTestFinished(() => pool.end());
    const open = (): Promise<TestAuthority> =>
      startAuthority({
        store: createPostgresStore({ connectionString: database.url }),
        rateLimits: { ...NOT_DELAYED.rateLimits, limiter: createPostgresRateLimiter(pool) },
      });
    await expectSharedLimits([await open(), await open()]);
  });
});

describeOnOwnRedis("limits counted in Redis", () => {
  it("are shared by nodes; while it is away nobody may guess uncounted", async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const client = new Redis(server.url, { maxRetriesPerRequest: 0, enableOfflineQueue: false });
    client.on("error", () => undefined);
    onTestFinished(() => client.disconnect());
    await expect.poll(() => client.status).toBe("ready");
    const rateLimits = { ...NOT_DELAYED.rateLimits, limiter: createRedisRateLimiter(client) };
    const first = await startAuthority({ rateLimits });
    const nodes = [
      first,
      await startAuthority({ rateLimits, store: createSqliteStore({ path: first.path }) }),
    ] as const;
    await expectSharedLimits(nodes);

    await server.crash();
    expectRefusal(await signIn(nodes[0], PASSWORD, { email: "another@example.com" }), 503, "unavailable");
  });
});

async function expectSharedLimits(nodes: readonly [TestAuthority, TestAuthority]): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, index) => guess(nodes[index % 2 === 0 ? 0 : 1], { peer: anywhere(index) })),
  );
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(20);
}
