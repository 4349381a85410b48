import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { Cluster, Redis } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";

import type { RedisSettings } from "../../../../scripts/redis-server.ts";
import { startRedis } from "../../../../scripts/redis-server.ts";
import type { RedisServer } from "../../../../scripts/redis-server.ts";
import { ConfigurationError } from "../../src/errors.ts";
import type { RedisClient, RedisSessionStore, RedisSessionStoreOptions } from "../../src/stores/redis/index.ts";
import { createRedisSessionStore } from "../../src/stores/redis/index.ts";
import { create, eventsAfter, NOW, sampleId, sampleRotation, sampleSession } from "../../src/testing/samples.ts";
import { sessionRevoked, signedIn, signInFailed, userSessionsRevoked } from "../../src/testing/samples.ts";
import { describeOnOwnRedis } from "./redis-test-server.ts";

async function start(settings: RedisSettings = {}): Promise<RedisServer> {
  const server = await startRedis(settings);
  onTestFinished(() => server.stop());
  return server;
}

function open(options: RedisSessionStoreOptions): RedisSessionStore {
  const store = createRedisSessionStore(options);
  onTestFinished(() => store.close());
  return store;
}

/** An ordinary client, with the offline queue and the retries that ioredis has by default. */
function connect(url: string, options: object = {}): Redis {
  const client = new Redis(url, options);
  client.on("error", () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

/** For what takes a server a few seconds by itself. */
const PATIENCE = { timeout: 10_000 };

/** Replicas follow at once, and not after five seconds in which others might come. */
const AT_ONCE: RedisSettings = { "repl-diskless-sync-delay": "0" };

/** A cluster of one: it refuses a script whose keys are not in one slot, as one of many does. */
const CLUSTER: RedisSettings = { "cluster-enabled": "yes", "cluster-announce-ip": "127.0.0.1" };

const REASON = "signed_out";

function revoke(store: RedisSessionStore, session: { readonly id: string; readonly userId: string }): Promise<boolean> {
  const event = sessionRevoked({ ...sampleSession(), ...session });
  return store.sessions.revokeSession({ sessionId: session.id, at: NOW, reason: REASON }, event);
}

async function took(work: Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work;
  return performance.now() - started;
}

describeOnOwnRedis("what a Redis store keeps", () => {
  it("a server killed without warning brings back all that was answered (E-03, E-17)", async () => {
    const server = await start();
    const store = open({ url: server.url });
    const sessions = await Promise.all(Array.from({ length: 30 }, () => create(store)));
    const rotations = sessions.map((session) => sampleRotation(session));
    await Promise.all(rotations.map((rotation) => store.sessions.rotateSession(rotation)));
    const revoked = sessions.slice(0, 10);
    await Promise.all(revoked.map((session) => revoke(store, session)));
    const everywhere = sessions.slice(10, 15);
    for (const { userId } of everywhere) {
      const revocation = { userId, exceptSessionId: null, at: NOW, reason: REASON } as const;
      expect(await store.sessions.revokeUserSessions(revocation, userSessionsRevoked(userId, null))).toBe(1);
    }
    const events = await store.events.listEvents(0, 1_000);

    await server.crash();
    await server.restart();

    const after = open({ url: server.url });
    for (const [index, session] of sessions.entries()) {
      const revokedAt = index < 15 ? NOW : null;
      const expected = { ...session, ...rotations[index]?.next, revokedAt };
      expect(await after.sessions.findSession(session.id)).toEqual(expected);
      expect(await after.sessions.rotateSession(sampleRotation(session))).toBe(false);
      expect(await after.sessions.rotateSession(sampleRotation(expected))).toBe(index >= 15);
    }
    expect(await after.events.listEvents(0, 1_000)).toEqual(events);
    await after.events.appendEvent(signInFailed(null));
    const [next] = await after.events.listEvents(events.at(-1)?.sequence ?? 0, 10);
    expect(next?.sequence).toBe((events.at(-1)?.sequence ?? 0) + 1);
  });

  it("of 50 exchanges of one token on two processes one takes place, and after a restart none (RT-03, E-02)", async () => {
    const server = await start();
    const store = open({ url: server.url });
    const session = await create(store);
    const program = fileURLToPath(new URL("redis-rotating-node.ts", import.meta.url));
    const flags = ["--conditions=@latchkey/source", "--disable-warning=ExperimentalWarning"];
    const run = async (): Promise<number> => {
      const child = spawn(process.execPath, [...flags, program, server.url, JSON.stringify(session)], {
        stdio: ["ignore", "pipe", "inherit"],
        timeout: 20_000,
      });
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
      await once(child, "close");
      return Number(output);
    };

    const wins = await Promise.all([run(), run()]);
    expect(new Set(wins)).toEqual(new Set([0, 1]));
    await server.crash();
    await server.restart();
    expect(await Promise.all([run(), run()])).toEqual([0, 0]);
  });

  it("a session lives in Redis for its absolute life and an hour, its tombstone as long, and rotation adds nothing", async () => {
    const server = await start();
    const [store, client] = [open({ url: server.url }), connect(server.url)];
    const session = await create(store, { createdAt: NOW, expiresAt: NOW + 5_000 });
    const lifetimes = async () =>
      Promise.all([`session:${session.id}`, `user:${session.userId}`].map((name) => client.ttl(`{latchkey}:${name}`)));
    const expectLifetime = (seconds: number | undefined): void => {
      expect(seconds).toBeGreaterThan(8_590);
      expect(seconds).toBeLessThanOrEqual(8_600);
    };

    for (const lifetime of await lifetimes()) expectLifetime(lifetime);
    expect(await store.sessions.rotateSession(sampleRotation(session))).toBe(true);
    for (const lifetime of await lifetimes()) expectLifetime(lifetime);
    // A shorter session of the same user does not shorten the life of the index that both are in.
    await create(store, { userId: session.userId, createdAt: NOW, expiresAt: NOW + 10 });
    for (const lifetime of await lifetimes()) expectLifetime(lifetime);
    expect(await revoke(store, session)).toBe(true);
    expectLifetime((await lifetimes())[0]);
  });

  it("what Redis itself has let go is gone from all verbs, and comes back by none", async () => {
    const server = await start();
    const [store, client] = [open({ url: server.url }), connect(server.url)];
    const [gone, live] = [await create(store, { userId: "ada" }), await create(store, { userId: "ada" })];
    await client.del(`{latchkey}:session:${gone.id}`);

    expect(await store.sessions.findSession(gone.id)).toBeUndefined();
    expect(await store.sessions.rotateSession(sampleRotation(gone))).toBe(false);
    expect(await revoke(store, gone)).toBe(false);
    expect(await store.sessions.listSessions("ada", NOW)).toEqual([live]);
    const everywhere = { userId: "ada", exceptSessionId: null, at: NOW, reason: REASON } as const;
    expect(await store.sessions.revokeUserSessions(everywhere, userSessionsRevoked("ada", null))).toBe(1);
    expect(await client.exists(`{latchkey}:session:${gone.id}`)).toBe(0);
    expect(await client.exists("{latchkey}:user:ada")).toBe(0);
    expect(await store.sessions.purgeSessions(gone.expiresAt + 1, 10)).toBe(2);
    expect(await client.keys("*")).toEqual(["{latchkey}:events"]);
  });

  it("the log keeps about as many events as it is told to, the newest, and numbers on", async () => {
    const server = await start();
    const store = open({ url: server.url, eventsKept: 200 });
    await Promise.all(Array.from({ length: 2_000 }, () => store.events.appendEvent(signInFailed(null))));

    const kept = await store.events.listEvents(0, 10_000);

    expect(kept.length).toBeGreaterThanOrEqual(200);
    expect(kept.length).toBeLessThan(500);
    expect(kept.at(-1)?.sequence).toBe(2_000);
  });
});

describeOnOwnRedis("a Redis server that the store refuses", () => {
  it.each<[string, RedisSettings, RegExp]>([
    ["keeps nothing on disk", { appendonly: "no" }, /appendonly yes/],
    ["writes to the disk once a second", { appendfsync: "everysec" }, /appendfsync always/],
    ["leaves writing to the operating system", { appendfsync: "no" }, /appendfsync always/],
    ["does not flush while it rewrites", { "no-appendfsync-on-rewrite": "yes" }, /no-appendfsync-on-rewrite no/],
    ["evicts", { "maxmemory-policy": "volatile-lru" }, /noeviction/],
  ])("is one that %s", async (_name, settings, message) => {
    const server = await start(settings);
    const store = open({ url: server.url });

    for (const call of [() => store.checkHealth(), () => create(store), () => store.sessions.findSession("any")]) {
      await expect(call()).rejects.toThrow(message);
      await expect(call()).rejects.toBeInstanceOf(ConfigurationError);
    }
  });

  it("is one that does not tell its configuration", async () => {
    const server = await start();
    await connect(server.url).acl("SETUSER", "default", "-config");
    const store = open({ url: server.url });

    await expect(create(store)).rejects.toThrow(/CONFIG GET/);
    await expect(store.checkHealth()).rejects.toBeInstanceOf(ConfigurationError);
  });

  it("may be used where somebody answers for it, but never where it evicts", async () => {
    const forgetful = await start({ appendfsync: "everysec" });
    await connect(forgetful.url).acl("SETUSER", "default", "-config");
    const store = open({ url: forgetful.url, durability: "unchecked" });
    const session = await create(store);
    expect(await store.sessions.findSession(session.id)).toEqual(session);

    const evicting = await start({ "maxmemory-policy": "allkeys-lru" });
    await expect(create(open({ url: evicting.url, durability: "unchecked" }))).rejects.toThrow(/noeviction/);
  });

  it("is found out after a reconnection", async () => {
    const server = await start();
    const client = connect(server.url);
    const store = open({ client });
    await create(store);

    await server.crash();
    await server.restart({ appendonly: "no" });
    await expect.poll(() => client.status, PATIENCE).toBe("ready");
    await expect(store.sessions.findSession("any")).rejects.toThrow(/appendonly yes/);

    await client.config("SET", "appendonly", "yes");
    expect(await store.sessions.findSession("any")).toBeUndefined();
  });

  it("is found out by a look at its health, where it was reconfigured while connected", async () => {
    const server = await start();
    const store = open({ url: server.url });
    await create(store);
    await connect(server.url).config("SET", "appendfsync", "everysec");
    await expect(store.checkHealth()).rejects.toThrow(/appendfsync always/);
  });

  it("is a replica", async () => {
    const [primary, replica] = [await start(), await start()];
    await connect(replica.url).replicaof("127.0.0.1", primary.port);
    await expect(open({ url: replica.url }).checkHealth()).rejects.toThrow(/replica/);
  });

  it.each<[object, RegExp]>([
    [{ url: "http://localhost" }, /^url:/],
    [{ url: "redis://127.0.0.1", prefix: "a{b}" }, /^prefix:/],
    [{ url: "redis://127.0.0.1", prefix: "" }, /^prefix:/],
    [{ url: "redis://127.0.0.1", durability: "everysec" }, /^durability:/],
    [{ url: "redis://127.0.0.1", eventsKept: 0 }, /^eventsKept:/],
    [{ url: "redis://127.0.0.1", replicas: -1 }, /^replicas:/],
    [{ url: "redis://127.0.0.1", fsync: true }, /^fsync:/],
  ])("is not even asked where the options are %j", (options, message) => {
    expect(() => createRedisSessionStore(options as RedisSessionStoreOptions)).toThrow(message);
    expect(() => createRedisSessionStore(options as RedisSessionStoreOptions)).toThrow(ConfigurationError);
  });
});

describeOnOwnRedis("a Redis server that is away", () => {
  const verbs = (store: RedisSessionStore) => {
    const session = sampleSession();
    return [
      store.sessions.findSession(session.id),
      store.sessions.rotateSession(sampleRotation(session)),
      store.sessions.createSession(session, signedIn(session)),
      store.events.appendEvent(signInFailed(null)),
      store.checkHealth(),
    ];
  };
  const rejection = { status: "rejected" };

  it.each(["a store's own client", "a client with an offline queue"] as const)(
    "makes every verb of %s reject within two seconds, and they work again once it is back",
    async (kind) => {
      const server = await start();
      const store = open(kind === "a store's own client" ? { url: server.url } : { client: connect(server.url) });
      const session = await create(store);
      await server.crash();

      const settling = Promise.allSettled(verbs(store));
      expect(await took(settling)).toBeLessThan(2_000);
      expect(await settling).toEqual(Array(5).fill(expect.objectContaining(rejection)));

      await server.restart();
      await expect.poll(async () => store.sessions.findSession(session.id).catch(() => undefined)).toEqual(session);
      expect(await store.sessions.rotateSession(sampleRotation(session))).toBe(true);
    },
  );

  it("may be so when the store is made", async () => {
    const server = await start();
    await server.crash();
    const store = open({ url: server.url });
    await expect(create(store)).rejects.toThrow("Redis cannot be reached.");

    await server.restart();

    await expect.poll(async () => store.checkHealth().then(() => "well", String)).toBe("well");
    await create(store);
  });

  it("and does not even say so makes every verb reject within three seconds", async () => {
    const server = await start();
    const store = open({ url: server.url });
    const session = await create(store);
    server.pause();

    const settling = Promise.allSettled(verbs(store));
    expect(await took(settling)).toBeLessThan(3_000);
    expect(await settling).toEqual(Array(5).fill(expect.objectContaining(rejection)));

    server.resume();
    await expect.poll(async () => store.sessions.findSession(session.id).catch(() => undefined)).toEqual(session);
  });

  it("makes a verb reject that was on its way when it died, and does not do it later", async () => {
    const server = await start();
    const store = open({ url: server.url });
    await create(store);
    const before = await eventsAfter(store, 0);
    server.pause();
    const settling = Promise.allSettled([
      store.sessions.findSession("any"),
      store.events.appendEvent(signInFailed(null)),
    ]);
    // They have been sent, and lie in the buffers of a process that will never read them.
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    await server.crash();
    await server.restart();
    expect(await took(settling)).toBeLessThan(1_000);
    expect(await settling).toEqual(Array(2).fill(expect.objectContaining(rejection)));
    await expect.poll(async () => eventsAfter(store, 0).catch(String), PATIENCE).toEqual(before);
  });
});

describeOnOwnRedis("scripts", () => {
  it("that the server has forgotten are sent again, and each verb takes place once", async () => {
    const server = await start();
    const [store, client] = [open({ url: server.url }), connect(server.url)];
    const sessions = await Promise.all(Array.from({ length: 50 }, () => create(store)));
    const before = await store.events.listEvents(0, 1_000);

    const [verdicts] = await Promise.all([
      Promise.all(sessions.map((session) => store.sessions.rotateSession(sampleRotation(session), signedIn(session)))),
      ...Array.from({ length: 10 }, () => client.script("FLUSH")),
    ]);
    await client.script("FLUSH");

    expect(verdicts).toEqual(sessions.map(() => true));
    expect(await revoke(store, sampleSession())).toBe(false);
    expect(await eventsAfter(store, before.at(-1)?.sequence ?? 0)).toHaveLength(50);
  });
});

describe.each<[string, (url: string) => RedisClient]>([
  ["a client that puts a prefix before every key", (url) => connect(url, { keyPrefix: "app:" })],
  ["a client that speaks RESP2", (url) => connect(url, { protocol: 2 })],
  ["a client that speaks RESP3", (url) => connect(url, { protocol: 3 })],
  ["a client of a cluster", (url) => clusterClient(url)],
])("%s", (name, clientOf) => {
  const settings: RedisSettings = name.includes("cluster") ? CLUSTER : {};

  describeOnOwnRedis("serves the store", () => {
    it("with every verb", async () => {
      const server = await start(settings);
      if (name.includes("cluster")) await makeCluster(server.url);
      const store = open({ client: clientOf(server.url) });
      const [one, two, three] = [
        await create(store, { userId: "ada" }),
        await create(store, { userId: "ada" }),
        await create(store, { userId: "ada", expiresAt: NOW - 1 }),
      ];
      const rotation = sampleRotation(one);

      expect(await store.sessions.rotateSession(rotation)).toBe(true);
      expect(await store.sessions.findSession(one.id)).toEqual({ ...one, ...rotation.next });
      expect(await store.sessions.findSession(sampleId())).toBeUndefined();
      expect(await revoke(store, two)).toBe(true);
      expect(await store.sessions.listSessions("ada", NOW)).toEqual([{ ...one, ...rotation.next }]);
      expect(await store.sessions.purgeSessions(NOW, 10)).toBe(1);
      const everywhere = { userId: "ada", exceptSessionId: null, at: NOW, reason: REASON } as const;
      expect(await store.sessions.revokeUserSessions(everywhere, userSessionsRevoked("ada", null))).toBe(1);
      expect(await eventsAfter(store, 0)).toEqual([
        signedIn(one),
        signedIn(two),
        signedIn(three),
        sessionRevoked(two),
        userSessionsRevoked("ada", null),
      ]);
      await store.checkHealth();
    });

    it("stays its owner's when the store is closed", async () => {
      const server = await start(settings);
      if (name.includes("cluster")) await makeCluster(server.url);
      const client = clientOf(server.url);
      const store = createRedisSessionStore({ client });
      await store.checkHealth();
      await store.close();
      expect(String(await client.call("PING"))).toBe("PONG");
    });
  });
});

function clusterClient(url: string): RedisClient {
  const { hostname, port } = new URL(url);
  const client = new Cluster([{ host: hostname, port: Number(port) }]);
  client.on("error", () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

async function makeCluster(url: string): Promise<void> {
  const client = connect(url);
  await client.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
  await expect.poll(async () => String(await client.call("CLUSTER", "INFO")), PATIENCE).toContain("cluster_state:ok");
}

describeOnOwnRedis("replicas", () => {
  it("have what was answered, where they are asked for", async () => {
    const [primary, replica] = [await start(AT_ONCE), await start()];
    const reader = connect(replica.url);
    await reader.replicaof("127.0.0.1", primary.port);
    await expect.poll(async () => reader.info("replication"), PATIENCE).toContain("master_link_status:up");
    const store = open({ url: primary.url, replicas: 1 });

    for (let round = 0; round < 20; round++) {
      const session = await create(store);
      expect(await revoke(store, session)).toBe(true);
      expect(await reader.hget(`{latchkey}:session:${session.id}`, "revoked_at")).toBe(String(NOW));
    }
  });

  it("that do not answer keep a revocation from being answered, and a rotation not", async () => {
    const [primary, replica] = [await start(AT_ONCE), await start()];
    const reader = connect(replica.url);
    await reader.replicaof("127.0.0.1", primary.port);
    await expect.poll(async () => reader.info("replication"), PATIENCE).toContain("master_link_status:up");
    const store = open({ url: primary.url, replicas: 1 });
    const session = await create(store);
    replica.pause();

    const unconfirmed = Promise.allSettled([revoke(store, session), ...Array.from({ length: 5 }, () => create(store))]);
    expect(await took(unconfirmed)).toBeLessThan(2_500);
    for (const outcome of await unconfirmed) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { message: expect.stringMatching("confirmed") } });
    }
    // It took place on the primary all the same, and whoever looks there sees it.
    expect(await store.sessions.rotateSession(sampleRotation(session))).toBe(false);

    replica.resume();
    await expect.poll(async () => create(store).then(() => "kept", String), PATIENCE).toBe("kept");
  });

  it("cannot be counted through a client of a cluster", async () => {
    const server = await start(CLUSTER);
    expect(() => createRedisSessionStore({ client: clusterClient(server.url), replicas: 1 })).toThrow(/^replicas:/);
  });
});
