import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";

import type { Store } from "../../src/index.ts";
import { createSqliteStore } from "../../src/index.ts";
import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import type { TestAuthority } from "../authority.ts";
import { startAuthority } from "../authority.ts";
import { createTestDatabase, describeOnPostgres } from "../stores/postgres-database.ts";
import { shareCombinedStores } from "../stores/redis-combined-stores.ts";
import { describeOnRedis } from "../stores/redis-test-server.ts";
import { cursorOf, followFeed, readFeed } from "./feed-reader.ts";

/** Opens the same database once more, as another node does. */
type OpenStore = () => Store;

const startNode = (store: Store): Promise<TestAuthority> =>
  startAuthority({ store, revocationFeed: { access: "public" } });

async function onSqlite(): Promise<OpenStore> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-nodes-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return () => createSqliteStore({ path: join(folder, "latchkey.db") });
}

async function onPostgres(): Promise<OpenStore> {
  const url = await createDatabaseOfTest();
  return () => createPostgresStore({ connectionString: url });
}

async function createDatabaseOfTest(): Promise<string> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}

describe("nodes on one SQLite file", () => {
  describeNodes(onSqlite);
});

describeOnPostgres("nodes on one PostgreSQL", () => {
  describeNodes(onPostgres);

  it("failed over to a replica that was behind: what was told stays told, and what comes then is told too", async () => {
    const url = await createDatabaseOfTest();
    const node = await startNode(createPostgresStore({ connectionString: url }));
    const [kept, lost, later] = [await node.signedIn(), await node.signedIn(), await node.signedIn()] as const;
    const reader = await followFeed(node.server);
    await node.call("DELETE", `/auth/sessions/${lost.session_id}`, { token: kept.access_token });
    await reader.hears("session", lost.session_id);
    const cursor = cursorOf(reader.batches);

    await withClient(url, async (client) => {
      const { rows } = await client.query<{ number: string }>("SELECT max(sequence) AS number FROM latchkey.event");
      await client.query("DELETE FROM latchkey.event WHERE sequence = $1", [rows[0]?.number]);
      await client.query("SELECT setval('latchkey.event_sequence', $1)", [Number(rows[0]?.number) - 1]);
    });
    // Takes the very number of the event that was lost.
    await node.call("DELETE", `/auth/sessions/${later.session_id}`, { token: kept.access_token });

    await reader.hears("session", later.session_id);
    const resumed = await readFeed(node.server, cursor);
    expect(resumed[0]?.after).toBeNull();
    expect(resumed.flatMap((batch) => batch.revocations.map(({ id }) => id)).toSorted()).toEqual(
      [lost.session_id, later.session_id].toSorted(),
    );
  });

  it("cut off from their notifications by the server: they listen again", async () => {
    const url = await createDatabaseOfTest();
    const [one, other] = [
      await startNode(createPostgresStore({ connectionString: url })),
      await startNode(createPostgresStore({ connectionString: url })),
    ] as const;
    const { access_token: token } = await one.signedIn();
    const reader = await followFeed(other.server);
    await withClient(url, async (client) => {
      await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
      await expect
        .poll(
          async () => {
            const listening = "SELECT count(*) AS count FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
            return (await client.query<{ count: string }>(listening)).rows[0]?.count;
          },
          { timeout: 5_000 },
        )
        .toBe("1");
    });

    const { session_id: sessionId } = await one.signedIn();
    await one.call("DELETE", `/auth/sessions/${sessionId}`, { token });

    expect(await reader.hears("session", sessionId)).toBeDefined();
  });
});

describeOnRedis("nodes on one SQLite file with sessions in one Redis", () => {
  const createPlace = shareCombinedStores();
  describeNodes(async () => {
    const place = await createPlace();
    onTestFinished(() => place.drop());
    return () => place.open();
  });
});

function describeNodes(createDatabase: () => Promise<OpenStore>): void {
  it("tell their followers within a second of what was revoked on another", async () => {
    const openStore = await createDatabase();
    const nodes = [await startNode(openStore()), await startNode(openStore()), await startNode(openStore())] as const;
    const readers = await Promise.all(nodes.map((node) => followFeed(node.server)));
    const mine = await nodes[0].signedIn();

    for (const node of nodes) {
      const { session_id: sessionId } = await nodes[0].signedIn();
      await node.call("DELETE", `/auth/sessions/${sessionId}`, { token: mine.access_token });
      const started = performance.now();
      await Promise.all(readers.map((reader) => reader.hears("session", sessionId)));
      expect(performance.now() - started).toBeLessThan(1_000);
    }
  });

  it("notice what no hint came for within two seconds", async () => {
    const openStore = await createDatabase();
    const deaf = openStore();
    const [one, other] = [
      await startNode(openStore()),
      await startNode({ ...deaf, events: { ...deaf.events, watch: () => () => undefined } }),
    ] as const;
    const reader = await followFeed(other.server);
    const { access_token: token, session_id: sessionId } = await one.signedIn();

    await one.call("POST", "/auth/logout-all", { token });

    const started = performance.now();
    await reader.hears("session", sessionId);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it("take over each other's readers: whoever comes from a node that died hears what it missed, once", async () => {
    const openStore = await createDatabase();
    const [one, dying] = [await startNode(openStore()), await startNode(openStore())] as const;
    const mine = await one.signedIn();
    const [before, during, after] = [await one.signedIn(), await one.signedIn(), await one.signedIn()] as const;
    const end = (sessionId: string) => one.call("DELETE", `/auth/sessions/${sessionId}`, { token: mine.access_token });
    const reader = await followFeed(dying.server);
    await end(before.session_id);
    await reader.hears("session", before.session_id);
    await dying.server.close();
    const cursor = cursorOf(reader.batches);

    await end(during.session_id);
    const moved = await followFeed(one.server, { after: cursor });
    const restarted = await startNode(openStore());
    const back = await followFeed(restarted.server, { after: cursor });
    await end(after.session_id);

    for (const reached of [moved, back]) {
      await reached.hears("session", after.session_id);
      expect(reached.batches[0]?.after).toBe(cursor);
      expect(reached.revocations.map(({ id }) => id)).toEqual([during.session_id, after.session_id]);
    }
  });
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
