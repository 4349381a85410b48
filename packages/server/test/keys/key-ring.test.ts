import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, it, onTestFinished, vi } from "vitest";

import type { KeyDescription, Store } from "../../src/index.ts";
import { createKeySealer, createSqliteStore } from "../../src/index.ts";
import { openKeyRing } from "../../src/keys/key-ring.ts";
import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import type { TestAuthority } from "../authority.ts";
import {
  cookieJar,
  expectRefusal,
  freshKey,
  granted,
  ISSUER,
  MASTER_SECRET,
  PASSWORD,
  startAuthority,
} from "../authority.ts";
import { createDpopClient } from "../dpop-client.ts";
import { followFeed, readFeed } from "../revocations/feed-reader.ts";
import { createTestDatabase, describeOnPostgres } from "../stores/postgres-database.ts";
import { asOfSchema } from "../stores/sqlite-as-of-schema.ts";

const DAY = 86_400;

const startPublic = (store?: Store): Promise<TestAuthority> =>
  startAuthority({ revocationFeed: { access: "public" }, ...(store !== undefined && { store }) });

async function kidsOf(node: TestAuthority): Promise<readonly string[]> {
  const { body } = await node.call("GET", "/.well-known/jwks.json");
  return (body as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
}

async function keysOf(node: TestAuthority, purpose: KeyDescription["purpose"]): Promise<readonly string[]> {
  const keys = await node.server.listKeys();
  return keys.filter((key) => key.purpose === purpose).map(({ kid, state }) => `${kid} ${state}`);
}

async function activeKid(node: TestAuthority, purpose: KeyDescription["purpose"]): Promise<string> {
  const keys = await node.server.listKeys();
  return keys.find((key) => key.purpose === purpose && key.state === "active")?.kid ?? "";
}

const kidOf = (token: string): string | undefined => decodeProtectedHeader(token).kid;

/** Lets the keys that are published by now take over. */
async function rotate(node: TestAuthority): Promise<void> {
  const isPlanned = async () => (await node.server.listKeys()).filter(({ state }) => state === "next").length === 2;
  await expect.poll(isPlanned, { timeout: 5_000 }).toBe(true);
  node.advance(7_200);
  await node.server.rotateKeys();
  node.advance(5);
}

async function onSqlite(): Promise<() => Store> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-keys-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return () => createSqliteStore({ path: join(folder, "latchkey.db") });
}

async function onPostgres(): Promise<() => Store> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return () => createPostgresStore({ connectionString: database.url });
}

describe("nodes on one SQLite file", () => {
  describeNodes(onSqlite);
});

describeOnPostgres("nodes on one PostgreSQL", () => {
  describeNodes(onPostgres);
});

function describeNodes(createDatabase: () => Promise<() => Store>): void {
  it("K-04: eight that start at once, and then rotate at once, agree on one key that signs and one that will", async () => {
    const openStore = await createDatabase();
    const nodes = await Promise.all(Array.from({ length: 8 }, () => startPublic(openStore())));
    const [[active, next] = []] = await Promise.all(nodes.map((node) => kidsOf(node)));
    for (const node of nodes) expect(await kidsOf(node)).toEqual([active, next]);

    for (const node of nodes) node.advance(7_200);
    await Promise.all(nodes.map((node) => node.server.rotateKeys()));
    for (const node of nodes) node.advance(5);

    for (const node of nodes) {
      await expect.poll(async () => (await kidsOf(node)).length, { timeout: 5_000 }).toBe(3);
      expect(kidOf((await node.signedIn()).access_token)).toBe(next);
      expect(await keysOf(node, "access-token")).toEqual([
        `${active} retiring`,
        `${next} active`,
        expect.stringMatching(/ next$/),
      ]);
    }
    const published = await Promise.all(nodes.map(async (node) => (await kidsOf(node)).toSorted().join()));
    expect(new Set(published).size).toBe(1);
  });

  it("told within a second that a key was revoked on another, by a batch of the key that took its place", async () => {
    const openStore = await createDatabase();
    const [one, other] = [await startPublic(openStore()), await startPublic(openStore())] as const;
    const { access_token: token } = await one.signedIn();
    const [active = "", next] = await kidsOf(other);
    const reader = await followFeed(other.server);

    const started = performance.now();
    expect(await one.server.revokeKey(active)).toBe(true);
    const heard = await reader.hears("key", active);

    expect(performance.now() - started).toBeLessThan(1_000);
    // A stolen key makes tokens of any life: it is told for as long as anybody may keep an old key set.
    expect(heard.until).toBeGreaterThan(1_800_000_000 + 7 * DAY);
    for (const node of [one, other]) {
      await expect.poll(() => kidsOf(node), { timeout: 2_000 }).not.toContain(active);
      expectRefusal(await node.call("GET", "/auth/me", { token }), 401, "invalid_token");
      expect(kidOf((await node.signedIn()).access_token)).toBe(next);
    }
  });

  it("take a token of a key they have not heard of yet, where another signs with it already", async () => {
    const openStore = await createDatabase();
    const slow = slowToRead(openStore());
    const [one, other] = [await startPublic(openStore()), await startPublic(slow.store)] as const;
    await slow.hold();
    for (const purpose of ["access-token", "refresh-token"] as const) {
      // The first is replaced by the one that was published; that one by a key made this moment.
      await one.server.revokeKey(await activeKid(one, purpose));
      const keys = await one.server.listKeys();
      const next = keys.find((key) => key.purpose === purpose && key.state === "next");
      if (next !== undefined) await one.server.revokeKey(next.kid);
      await one.server.revokeKey(await activeKid(one, purpose));
    }
    const { access_token: token, refresh_token: refreshToken } = await one.signedIn();

    const answers = Promise.all([other.call("GET", "/auth/me", { token }), other.refresh(refreshToken)]);
    slow.release();

    expect((await answers).map(({ status }) => status)).toEqual([200, 200]);
  });

  it("say that a key is revoked with another key, though they learn of it from the event", async () => {
    const openStore = await createDatabase();
    const slow = slowToRead(openStore());
    const [one, other] = [await startPublic(openStore()), await startPublic(slow.store)] as const;
    await readFeed(other.server);
    const kid = await activeKid(one, "access-token");
    await slow.hold();
    await one.server.revokeKey(kid);

    const reading = other.call("GET", "/revocations");
    slow.release();

    const { batches } = (await reading).body as { batches: string[] };
    const telling = batches.filter((jws) => JSON.stringify(decodeJwt(jws)["key"] ?? null).includes(kid));
    expect(telling.map((jws) => kidOf(jws) === kid)).toEqual([false]);
  });
}

/** The store of a node that is slow to hear: what it has read is from before it was held, until it is released. */
function slowToRead(store: Store) {
  let held: PromiseWithResolvers<void> | undefined;
  let caught = Promise.withResolvers<void>();
  return {
    store: {
      ...store,
      keys: {
        ...store.keys,
        async listKeys() {
          const keys = await store.keys.listKeys();
          if (held !== undefined) {
            caught.resolve();
            await held.promise;
          }
          return keys;
        },
      },
    } satisfies Store,
    /** Resolves once the node waits. */
    hold(): Promise<void> {
      held = Promise.withResolvers();
      caught = Promise.withResolvers();
      return caught.promise;
    },
    release() {
      held?.resolve();
      held = undefined;
    },
  };
}

/** The step of the schema since which they do. */
const KEYS_FOLLOW_ONE_ANOTHER = 5;

describe("the key ring", () => {
  it("K-04: withdraws a key once all that it signed has expired, and destroys what was sealed", async () => {
    const authority = await startAuthority();
    const [old = ""] = await kidsOf(authority);
    await rotate(authority);
    expect(await kidsOf(authority)).toContain(old);

    authority.advance(600 + 120 + 600);

    await expect.poll(() => kidsOf(authority), { timeout: 5_000 }).not.toContain(old);
    const database = new DatabaseSync(authority.path);
    onTestFinished(() => database.close());
    expect(database.prepare("SELECT sealed FROM signing_key WHERE kid = ?").get(old)).toEqual({ sealed: "" });
  });

  it("rotates on schedule, though nobody is there when the time comes", async () => {
    const authority = await startAuthority();
    const [, next] = await kidsOf(authority);
    authority.advance(30 * DAY);
    expect(kidOf((await authority.signedIn()).access_token)).toBe(next);
  });

  it("tells of a revoked key still after a restart, when the event is long past", async () => {
    const authority = await startPublic();
    const kid = await activeKid(authority, "access-token");
    await authority.server.revokeKey(kid);
    authority.advance(3 * DAY);

    const restarted = await authority.restart();

    const revocations = (await readFeed(restarted.server)).flatMap((batch) => batch.revocations);
    expect(revocations).toEqual([expect.objectContaining({ kind: "key", id: kid })]);
  });

  it("never signs a snapshot with a key that it tells is revoked", async () => {
    const authority = await startPublic();
    await readFeed(authority.server);
    const kid = await activeKid(authority, "access-token");
    await authority.server.revokeKey(kid);
    // The reader checks every batch against the key set.
    const revocations = (await readFeed(authority.server)).flatMap((batch) => batch.revocations);
    expect(revocations.map(({ id }) => id)).toContain(kid);
  });

  it("does not revoke what it does not know", async () => {
    const authority = await startAuthority();
    expect(await authority.server.revokeKey("unknown")).toBe(false);
  });

  it("goes on with the keys of a database from before keys were rotated, and its sessions with it", async () => {
    const authority = await startAuthority();
    const { refresh_token: token } = await authority.signedIn();
    const signing = await activeKid(authority, "access-token");
    await authority.server.close();
    const current = new DatabaseSync(authority.path);
    current.exec("DELETE FROM signing_key WHERE activates_at > created_at");
    current.close();
    asOfSchema(KEYS_FOLLOW_ONE_ANOTHER - 1, authority.path);

    authority.advance(3_600);
    const upgraded = await authority.restart();

    expect(kidOf(granted(await upgraded.refresh(token)).access_token)).toBe(signing);
    expect(await kidsOf(upgraded)).toEqual([signing, expect.any(String)]);
  });

  it("OP-03: goes on with the keys it knows while the store cannot be read, and says so once", async () => {
    const openStore = await onSqlite();
    const store = openStore();
    let failing = false;
    const unreadable: Store = {
      ...store,
      keys: {
        ...store.keys,
        listKeys: () => (failing ? Promise.reject(new Error("no keys today")) : store.keys.listKeys()),
      },
    };
    const authority = await startPublic(unreadable);
    failing = true;
    await expect.poll(() => authority.logs.join(), { timeout: 5_000 }).toContain("the keys cannot be read");

    const { access_token: token } = await authority.signedIn();
    expect((await authority.call("GET", "/auth/me", { token })).status).toBe(200);
    // Whether a key that it does not know exists, it cannot say: neither "yes" nor "your session is over".
    const [header = "", ...rest] = token.split(".");
    const renamed = Buffer.from(header, "base64url")
      .toString()
      .replace(/"kid":"[^"]*"/, '"kid":"another"');
    const unknown = [Buffer.from(renamed).toString("base64url"), ...rest].join(".");
    expectRefusal(await authority.call("GET", "/auth/me", { token: unknown }), 503, "unavailable");

    // Ten minutes are the limit: then a key that others replaced may be forgotten already.
    const elapsed = performance.now();
    const time = vi.spyOn(performance, "now").mockImplementation(() => elapsed + 601_000);
    const login = { email: "ada@example.com", password: PASSWORD };
    expectRefusal(await authority.call("POST", "/auth/login", { json: login }), 503, "unavailable");
    time.mockRestore();

    failing = false;
    await expect.poll(() => authority.logs.join(), { timeout: 5_000 }).toContain("the keys can be read again");
    expect(authority.logs.filter((line) => line.includes("cannot be read"))).toHaveLength(1);
    expectRefusal(await authority.call("GET", "/auth/me", { token: unknown }), 401, "invalid_token");
  });
});

describe("the keys of refresh tokens", () => {
  const attempt = (key: string) => ({ "Latchkey-Attempt": key });

  it("rotate as the others do: old refresh tokens go on working, and new ones carry the new key's name", async () => {
    const authority = await startAuthority();
    let { refresh_token: token } = await authority.signedIn();
    const kids = [kidOf(token)];
    for (let rotation = 0; rotation < 3; rotation++) {
      await rotate(authority);
      token = granted(await authority.refresh(token, attempt(freshKey()))).refresh_token;
      kids.push(kidOf(token));
    }
    expect(new Set(kids).size).toBe(4);
  });

  it("yield the byte-identical successor to a retry, however often they were rotated in between", async () => {
    const authority = await startAuthority();
    const { refresh_token: first } = await authority.signedIn();
    await rotate(authority);
    const key = freshKey();
    const second = granted(await authority.refresh(first, attempt(key))).refresh_token;
    for (let rotation = 0; rotation < 2; rotation++) {
      await rotate(authority);
      expect(granted(await authority.refresh(first, attempt(key))).refresh_token).toBe(second);
    }
    const restarted = await authority.restart();
    expect(granted(await restarted.refresh(first, attempt(key))).refresh_token).toBe(second);
    granted(await restarted.refresh(second, attempt(freshKey())));
  });

  it("let a bound session catch up from any earlier generation, over several rotations", async () => {
    const authority = await startAuthority();
    await authority.signedIn();
    const client = await createDpopClient(authority.now);
    const login = { email: "ada@example.com", password: PASSWORD };
    const prove = () => client.prove("POST", "/auth/refresh");
    const headers = await client.prove("POST", "/auth/login");
    const { refresh_token: first } = granted(await authority.call("POST", "/auth/login", { json: login, headers }));
    let live = first;
    for (let rotation = 0; rotation < 3; rotation++) {
      await rotate(authority);
      live = granted(await authority.refresh(live, await prove())).refresh_token;
    }
    expect(granted(await authority.refresh(first, await prove())).refresh_token).toBe(live);
  });

  it("still tell a thief from a retry after a rotation", async () => {
    const authority = await startAuthority();
    const { refresh_token: copied } = await authority.signedIn();
    granted(await authority.refresh(copied, attempt(freshKey())));
    await rotate(authority);
    expectRefusal(await authority.refresh(copied, attempt(freshKey())), 401, "session_ended");
  });

  it("are revoked in an emergency: their refresh tokens end, and whoever signs in then goes on", async () => {
    const authority = await startAuthority();
    const { refresh_token: token } = await authority.signedIn();

    await authority.server.revokeKey(kidOf(token) ?? "");

    expectRefusal(await authority.refresh(token, attempt(freshKey())), 401, "session_ended");
    const { refresh_token: later } = await authority.signedIn();
    granted(await authority.refresh(later, attempt(freshKey())));
    const restarted = await authority.restart();
    expectRefusal(await restarted.refresh(token, attempt(freshKey())), 401, "session_ended");
  });

  describe("revoked after a successor signed: a lost answer's retry", () => {
    /** An account, and the key that the secrets of sessions begun now are derived with. */
    async function start() {
      const authority = await startAuthority();
      await authority.signedIn();
      return { authority, kid: await activeKid(authority, "refresh-token") };
    }

    async function endings(authority: TestAuthority): Promise<readonly unknown[]> {
      const listed = () => authority.server.audit.list({ types: ["session_revoked"], limit: 9 });
      await expect.poll(async () => (await listed()).length, { timeout: 5_000 }).toBeGreaterThan(0);
      return (await listed()).map(({ event }) => ("reason" in event ? event.reason : undefined));
    }

    it("signs out plainly, and is not called a theft", async () => {
      const { authority, kid } = await start();
      const { refresh_token: first } = await authority.signedIn();
      await rotate(authority);
      const second = granted(await authority.refresh(first, attempt(freshKey()))).refresh_token;
      const key = freshKey();
      granted(await authority.refresh(second, attempt(key)));
      await authority.server.revokeKey(kid);

      expectRefusal(await authority.refresh(second, attempt(key)), 401, "session_ended");
      expect(await endings(authority)).toEqual(["key_revoked"]);
      expect(authority.logs.join("\n")).not.toContain("copied refresh token");
    });

    it("so does one of a bound session, from whatever generation", async () => {
      const { authority, kid } = await start();
      const client = await createDpopClient(authority.now);
      const json = { email: "ada@example.com", password: PASSWORD };
      const prove = () => client.prove("POST", "/auth/refresh");
      const headers = await client.prove("POST", "/auth/login");
      const { refresh_token: first } = granted(await authority.call("POST", "/auth/login", { json, headers }));
      await rotate(authority);
      const second = granted(await authority.refresh(first, await prove())).refresh_token;
      const third = granted(await authority.refresh(second, await prove())).refresh_token;
      granted(await authority.refresh(third, await prove()));
      await authority.server.revokeKey(kid);

      expectRefusal(await authority.refresh(second, await prove()), 401, "session_ended");
      expect(await endings(authority)).toEqual(["key_revoked"]);
    });

    it("a thief's request is called what it is, and whoever lost no answer goes on, retries too", async () => {
      const { authority, kid } = await start();
      const sessions = [await authority.signedIn(), await authority.signedIn()];
      await rotate(authority);
      const held = [];
      for (const { refresh_token: token } of sessions) {
        const used = granted(await authority.refresh(token, attempt(freshKey()))).refresh_token;
        held.push({ used, live: granted(await authority.refresh(used, attempt(freshKey()))).refresh_token });
      }
      const [copied, honest] = held;
      await authority.server.revokeKey(kid);

      expectRefusal(await authority.refresh(copied?.used ?? "", attempt(freshKey())), 401, "session_ended");
      expect(await endings(authority)).toEqual(["refresh_token_reuse"]);
      const key = freshKey();
      const next = granted(await authority.refresh(honest?.live ?? "", attempt(key))).refresh_token;
      expect(granted(await authority.refresh(honest?.live ?? "", attempt(key))).refresh_token).toBe(next);
    });
  });

  it("E-12: a browser's CSRF token made before a rotation counts after it, and with its key revoked no more", async () => {
    const authority = await startAuthority();
    await authority.signedIn();
    const browser = cookieJar();
    const login = { email: "ada@example.com", password: PASSWORD };
    browser.take(await authority.call("POST", "/auth/login", { json: login, headers: { Origin: ISSUER } }));
    const refresh = () => {
      const csrf = [...browser.jar].find(([name]) => name.includes("csrf"))?.[1] ?? "";
      const headers = { Origin: ISSUER, Cookie: browser.header(), "X-CSRF-Token": csrf, ...attempt(freshKey()) };
      return authority.call("POST", "/auth/refresh", { headers });
    };
    const kid = await activeKid(authority, "refresh-token");
    await rotate(authority);
    const refreshed = await refresh();
    expect(refreshed.status).toBe(200);
    browser.take(refreshed);
    expect((await refresh()).status).toBe(200);

    await authority.server.revokeKey(kid);
    await authority.server.revokeKey(await activeKid(authority, "refresh-token"));
    expectRefusal(await refresh(), 401, "session_ended");
  });
});

it("the key that orders status lists is never another, however the others are rotated and revoked", async () => {
  const authority = await startAuthority({ statusList: true });
  const order = async (): Promise<readonly string[]> => {
    const sealer = createKeySealer(MASTER_SECRET);
    const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const store = createSqliteStore({ path: authority.path });
    const ring = await openKeyRing({ store: store.keys, sealer, clock: authority.now, logger, lines: [] });
    const places = Array.from({ length: 20 }, (_, number) => JSON.stringify(ring.statusPlaceOf(number)));
    ring.close();
    await store.close();
    return places;
  };
  const before = await order();
  expect(new Set(before).size).toBe(20);

  await rotate(authority);
  const keys = await authority.server.listKeys();
  const [own, ...others] = keys.toSorted((a) => (a.purpose === "status-place" ? -1 : 1));
  for (const { kid } of others) await authority.server.revokeKey(kid);
  await expect(authority.server.revokeKey(own?.kid ?? "")).rejects.toThrow("cannot be revoked");
  authority.advance(90 * DAY);
  await authority.restart();

  expect(await order()).toEqual(before);
});
