import { Redis } from "ioredis";
import { expect, it, onTestFinished } from "vitest";

import type { RedisServer } from "../../../../scripts/redis-server.ts";
import { startRedis } from "../../../../scripts/redis-server.ts";
import { createAuthServer, createSqliteStore } from "../../src/index.ts";
import { createRedisDenylist } from "../../src/stores/redis/index.ts";
import type { TestAuthority } from "../authority.ts";
import { ISSUER, MASTER_SECRET, PASSWORD, startAuthority } from "../authority.ts";
import { revoke } from "../http/resource-server.ts";
import { describeOnOwnRedis } from "../stores/redis-test-server.ts";

interface Place {
  readonly redis: RedisServer;
  readonly authority: TestAuthority;
  /** What a gateway asks: one EXISTS, by names from a token. */
  readonly isDenied: (claims: { sid?: string; jti?: string; sub?: string }) => Promise<boolean>;
  readonly get: (name: string) => Promise<string | null>;
  readonly client: Redis;
}

async function start(): Promise<Place> {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const authority = await startAuthority({ denylist: createRedisDenylist({ url: redis.url }) });
  const client = new Redis(redis.url, { retryStrategy: () => 50 });
  client.on("error", () => undefined);
  onTestFinished(() => client.disconnect());
  return {
    redis,
    authority,
    client,
    get: (name) => client.get(`{latchkey}:revoked:${name}`),
    isDenied: async (claims) =>
      (await client.exists(Object.entries(claims).map(([name, id]) => `{latchkey}:revoked:${name}:${id}`))) > 0,
  };
}

function claimsOf(token: string) {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
    sid: string;
    jti: string;
    sub: string;
  };
}

describeOnOwnRedis("a denylist in Redis", () => {
  it("names a session within a second of its end, and none that lives", async () => {
    const { authority, isDenied } = await start();
    const [ended, alive] = [await authority.signedIn(), await authority.signedIn()];
    const { sid, jti, sub } = claimsOf(ended.access_token);
    expect(await isDenied({ sid, jti, sub })).toBe(false);
    const answered = performance.now();
    await revoke(authority, ended.refresh_token);
    await expect.poll(() => isDenied({ sid, jti, sub }), { interval: 5 }).toBe(true);
    expect(performance.now() - answered).toBeLessThan(1_000);
    expect(await isDenied(claimsOf(alive.access_token))).toBe(false);
  });

  it("names a token, a user and an epoch by themselves, and says how they are to be compared", async () => {
    const { authority, get } = await start();
    const session = await authority.signedIn();
    const { sid, jti, sub } = claimsOf(session.access_token);
    await revoke(authority, session.access_token);
    await expect.poll(() => get(`jti:${jti}`)).toBe("1");
    expect(await get(`sid:${sid}`)).toBeNull();

    await authority.server.setRoles("ada@example.com", ["admin"]);
    await authority.server.setRoles("ada@example.com", []);
    await expect.poll(() => get(`epoch:${sub}`)).toBe("2");

    const { access_token: token } = await authority.signedIn();
    await authority.call("DELETE", "/auth/me", { token, json: { password: PASSWORD } });
    await expect.poll(() => get(`sub:${sub}`)).not.toBeNull();
    expect(Number(await get(`sub:${sub}`))).toBeGreaterThan(1_800_000_000);
  });

  it("forgets each entry when no token can match it any more", async () => {
    const { authority, client, isDenied } = await start();
    const { access_token: token, refresh_token: refreshToken } = await authority.signedIn();
    const { sid } = claimsOf(token);
    await revoke(authority, refreshToken);
    await expect.poll(() => isDenied({ sid })).toBe(true);
    // Tokens live for 600 s, and clocks may differ by 120 s.
    expect(await client.expiretime(`{latchkey}:revoked:sid:${sid}`)).toBe(1_800_000_720);
  });

  it("says that it is up to date as long as a node writes it, and no longer", async () => {
    const { authority, get, client } = await start();
    await expect.poll(() => get("confirmed")).toBe("1800000000");
    expect(await client.ttl("{latchkey}:revoked:confirmed")).toBeGreaterThan(0);
    authority.advance(60);
    await expect.poll(() => get("confirmed"), { timeout: 4_000 }).toBe("1800000060");
    await authority.server.close();
    expect(await client.ttl("{latchkey}:revoked:confirmed")).toBeLessThanOrEqual(10);
  });

  it("is written again, all of it, after Redis has lost it", async () => {
    const { authority, client, get, isDenied } = await start();
    const { access_token: token, refresh_token: refreshToken } = await authority.signedIn();
    const { sid } = claimsOf(token);
    await revoke(authority, refreshToken);
    await expect.poll(() => isDenied({ sid })).toBe(true);
    await expect.poll(() => get("confirmed")).not.toBeNull();
    await client.flushall();
    await expect.poll(() => isDenied({ sid }), { timeout: 4_000 }).toBe(true);
    expect(await get("confirmed")).not.toBeNull();
  });

  it("is written again after every lost connection, since the server may have come back with less", async () => {
    const { authority, client, get, isDenied } = await start();
    const { access_token: token, refresh_token: refreshToken } = await authority.signedIn();
    const { sid } = claimsOf(token);
    await revoke(authority, refreshToken);
    await expect.poll(() => isDenied({ sid })).toBe(true);
    await expect.poll(() => get("confirmed")).not.toBeNull();
    await client.del(`{latchkey}:revoked:sid:${sid}`);
    await client.call("CLIENT", "KILL", "TYPE", "normal");
    await expect.poll(() => isDenied({ sid }), { timeout: 8_000 }).toBe(true);
  });

  it("is written again, all of it, after Redis has refused to take something", async () => {
    const { authority, client, get, isDenied } = await start();
    const { access_token: token, refresh_token: refreshToken } = await authority.signedIn();
    const { sid } = claimsOf(token);
    await expect.poll(() => get("confirmed")).not.toBeNull();
    await client.config("SET", "maxmemory", "1");
    await revoke(authority, refreshToken);
    await expect.poll(() => authority.logs.join("\n"), { timeout: 4_000 }).toContain("the denylist cannot be written");
    expect(await isDenied({ sid })).toBe(false);
    await client.config("SET", "maxmemory", "0");
    await expect.poll(() => isDenied({ sid }), { timeout: 4_000 }).toBe(true);
  });

  it("catches up with what was revoked while Redis was away, and nobody was held up by that", async () => {
    const { redis, authority, isDenied, get } = await start();
    const sessions = [await authority.signedIn(), await authority.signedIn()];
    const [first, second] = sessions.map(({ access_token: token }) => ({ sid: claimsOf(token).sid }));
    await revoke(authority, sessions[0]?.refresh_token ?? "");
    await expect.poll(() => isDenied(first ?? {})).toBe(true);
    await expect.poll(() => get("confirmed")).not.toBeNull();
    await redis.crash();
    const started = performance.now();
    expect((await revoke(authority, sessions[1]?.refresh_token ?? "")).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(1_000);
    await expect.poll(() => authority.logs.join("\n"), { timeout: 8_000 }).toContain("the denylist cannot be written");
    await redis.restart();
    await expect.poll(() => isDenied(second ?? {}), { timeout: 8_000 }).toBe(true);
    expect(await isDenied(first ?? {})).toBe(true);
  });

  it("is the same written by two nodes, and a node that starts writes what it finds", async () => {
    const { redis, authority, client, isDenied, get } = await start();
    const another = createAuthServer({
      issuer: ISSUER,
      store: createSqliteStore({ path: authority.path }),
      masterSecret: MASTER_SECRET,
      clock: () => 1_800_000_000,
      denylist: createRedisDenylist({ url: redis.url }),
    });
    onTestFinished(() => another.close());
    await another.ready();
    const session = await authority.signedIn();
    const { sid, sub } = claimsOf(session.access_token);
    for (const roles of [["a"], ["b"], ["c"]]) await authority.server.setRoles("ada@example.com", roles);
    await revoke(authority, session.refresh_token);
    await expect.poll(() => isDenied({ sid })).toBe(true);
    await authority.server.close();

    await client.flushall();
    await expect.poll(() => isDenied({ sid }), { timeout: 4_000 }).toBe(true);
    expect(await get(`epoch:${sub}`)).toBe("3");

    await another.close();
    await client.flushall();
    const restarted = await authority.restart({ denylist: createRedisDenylist({ url: redis.url }) });
    expect(restarted.path).toBe(authority.path);
    await expect.poll(() => isDenied({ sid }), { timeout: 4_000 }).toBe(true);
  });

  it("takes nothing back: what comes late or twice leaves the higher epoch and the later time", async () => {
    const { redis, client, get } = await start();
    const denylist = createRedisDenylist({ url: redis.url });
    onTestFinished(() => denylist.close());
    const until = 1_900_000_000;
    await denylist.add([{ kind: "claims", id: "ada", epoch: 10, until }]);
    await denylist.add([{ kind: "claims", id: "ada", epoch: 9, until: until + 5 }]);
    await denylist.add([{ kind: "claims", id: "ada", epoch: 8, until: until - 5 }]);
    expect(await get("epoch:ada")).toBe("10");
    expect(await client.expiretime("{latchkey}:revoked:epoch:ada")).toBe(until + 5);
  });

  it("is not kept on a server that would evict it", async () => {
    const { redis, client } = await start();
    await client.config("SET", "maxmemory-policy", "allkeys-lru");
    const denylist = createRedisDenylist({ url: redis.url });
    onTestFinished(() => denylist.close());
    await expect(denylist.add([{ kind: "session", id: "x", until: 1_900_000_000 }])).rejects.toThrow("may evict");
  });
});
