import { setTimeout as sleep } from "node:timers/promises";

import type pg from "pg";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";

import type { PostgresServer } from "../../../../scripts/postgres-server.ts";
import { startPostgres } from "../../../../scripts/postgres-server.ts";
import type { Session } from "../../src/domain/session.ts";
import type { Store } from "../../src/ports/store.ts";
import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import {
  NOW,
  sampleRotation,
  sampleSession,
  sessionRevoked,
  signedIn,
  signInFailed,
} from "../../src/testing/samples.ts";
import type { Querier } from "./opened-postgres.ts";
import { openOneConnection, openPostgres } from "./opened-postgres.ts";
import { describeOnPostgres } from "./postgres-database.ts";

// A server of its own: a transaction that stays open keeps PostgreSQL from making room in pages, and a commit takes others to the
// disk with it, in whatever database of the server they are.
describeOnPostgres("rotation in PostgreSQL", () => {
  let server: PostgresServer | undefined;
  beforeAll(async () => {
    server = await startPostgres({ settings: { autovacuum: "off" } });
  });
  afterAll(() => server?.stop());

  it("a rotation is a heap-only update: no index is touched and the table does not grow", async () => {
    const { store, client } = await openOneConnection(server?.url);
    const sessions = Array.from({ length: 600 }, () => sampleSession());
    for (const session of sessions) await store.sessions.createSession(session, signedIn(session));
    // Neighbours in the table do not refresh at the same moment.
    sessions.sort((one, other) => (one.id < other.id ? -1 : 1));
    const created = await sizes(client);

    const grown = await rotateAll(store, sessions, 8);
    const full = await sizes(client);
    await rotateAll(store, grown, 12);
    const worn = await sizes(client);

    const updates = await updateCounts(client);
    expect(updates.all).toBe(20 * sessions.length);
    expect(updates.heapOnly / updates.all).toBeGreaterThan(0.97);
    // What a session remembers grows with its first eight rotations; from then on nothing does.
    expect(full.indexes).toBeLessThanOrEqual(created.indexes * 1.2);
    expect(worn.table / full.table).toBeLessThan(1.5);
    expect(worn.indexes).toBe(full.indexes);
  });

  it("a rotation does not wait for the disk; whatever is recorded does", async () => {
    const { store, connect } = await openPostgres(server?.url);
    const client = await connect();
    let session = sampleSession();
    await store.sessions.createSession(session, signedIn(session));

    let relaxed = 0;
    for (let round = 0; round < 40; round++) {
      const rotation = sampleRotation(session);
      await store.sessions.rotateSession(rotation);
      session = { ...session, ...rotation.next };
      if (!(await isFlushed(client))) relaxed += 1;
    }
    expect(relaxed).toBeGreaterThan(0);

    for (let round = 0; round < 40; round++) {
      const rotation = sampleRotation(session);
      const start = await position(client);
      await store.sessions.rotateSession(rotation, signInFailed(null));
      session = { ...session, ...rotation.next };
      expect(await isFlushed(client, start)).toBe(true);
    }
    for (let round = 0; round < 40; round++) {
      const start = await position(client);
      const other = sampleSession();
      await store.sessions.createSession(other, signedIn(other));
      expect(await isFlushed(client, start)).toBe(true);
      const revocation = { sessionId: other.id, at: NOW, reason: "signed_out" } as const;
      const next = await position(client);
      await store.sessions.revokeSession(revocation, sessionRevoked(other));
      expect(await isFlushed(client, next)).toBe(true);
    }
  });

  it("rotations that are committed together do not wait for the disk either", async () => {
    const { store, connect } = await openPostgres(server?.url);
    const client = await connect();
    let sessions = Array.from({ length: 8 }, () => sampleSession());
    for (const session of sessions) await store.sessions.createSession(session, signedIn(session));

    let relaxed = 0;
    for (let round = 0; round < 40; round++) {
      sessions = [...(await rotateAll(store, sessions, 1))];
      if (!(await isFlushed(client))) relaxed += 1;
    }
    expect(relaxed).toBeGreaterThan(0);
  });

  it("a rotation does not wait for somebody else's session, though they were asked for together", async () => {
    const { store, connect } = await openPostgres(server?.url);
    const sessions = Array.from({ length: 10 }, () => sampleSession());
    for (const session of sessions) await store.sessions.createSession(session, signedIn(session));
    const client = await connect();
    await client.query("BEGIN");
    await client.query("SELECT FROM latchkey.session WHERE id = $1 FOR UPDATE", [sessions[4]?.id]);

    const answered: number[] = [];
    const rotating = sessions.map(async (session, index) => {
      const rotated = await store.sessions.rotateSession(sampleRotation(session));
      answered.push(index);
      return rotated;
    });
    await expect.poll(() => answered.toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9]);
    await client.query("COMMIT");

    expect(await Promise.all(rotating)).toEqual(sessions.map(() => true));
  });

  it("nor though many wait for theirs, each asked for alone", async () => {
    const { store, connect } = await openPostgres(server?.url);
    const [other = sampleSession(), ...held] = Array.from({ length: 6 }, () => sampleSession());
    for (const session of [other, ...held]) await store.sessions.createSession(session, signedIn(session));
    const client = await connect();
    await client.query("BEGIN");
    await client.query("SELECT FROM latchkey.session WHERE id <> $1 FOR UPDATE", [other.id]);

    const waiting: Promise<boolean>[] = [];
    for (const session of held) {
      waiting.push(store.sessions.rotateSession(sampleRotation(session)));
      await sleep(20);
    }
    expect(await store.sessions.rotateSession(sampleRotation(other))).toBe(true);
    await client.query("COMMIT");

    expect(await Promise.all(waiting)).toEqual(held.map(() => true));
  });

  it("nodes that rotate the same sessions in opposite orders wait for no lock for ever, and one of them wins each", async () => {
    const { store, url } = await openPostgres(server?.url);
    const other = createPostgresStore({ connectionString: url });
    onTestFinished(() => other.close());
    const sessions = Array.from({ length: 100 }, () => sampleSession());
    for (const session of sessions) await store.sessions.createSession(session, signedIn(session));
    const rotateOn = (node: Store, order: readonly Session[]): Promise<readonly boolean[]> =>
      Promise.all(order.map((session) => node.sessions.rotateSession(sampleRotation(session))));

    const [forwards, backwards] = await Promise.all([
      rotateOn(store, sessions),
      rotateOn(other, sessions.toReversed()),
    ]);

    const wins = sessions.map((_, index) => Number(forwards[index]) + Number(backwards.toReversed()[index]));
    expect(wins).toEqual(sessions.map(() => 1));
  });

  it("what is asked for together is found through an index, however many sessions there are", async () => {
    const { store, client } = await openOneConnection(server?.url);
    const sessions = Array.from({ length: 64 }, () => sampleSession());
    for (const session of sessions) await store.sessions.createSession(session, signedIn(session));
    const columns = await client.query<{ name: string }>(
      "SELECT attname AS name FROM pg_attribute WHERE attrelid = 'latchkey.session'::regclass AND attnum > 0",
    );
    const names = columns.rows.map((row) => row.name);
    await client.query(
      `INSERT INTO latchkey.session (${names.join()})
       SELECT ${names.map((name) => (name === "id" ? "md5(n::text)" : name)).join()}
         FROM (SELECT * FROM latchkey.session LIMIT 1) AS one, generate_series(1, 20000) AS n`,
    );
    await client.query("ANALYZE");

    for (let round = 0; round < 10; round++) {
      await Promise.all(sessions.map((session) => store.findSessionWithUser(session.id)));
    }
    await rotateAll(store, sessions, 10);

    // Its own making and filling take three.
    expect(await wholeTableScans(client)).toBeLessThan(5);
  });

  it("what is asked for together is planned a few times and then never again, however few it is", async () => {
    const { store, client } = await openOneConnection(server?.url);
    const sessions = [sampleSession(), sampleSession()];
    for (const session of sessions) await store.sessions.createSession(session, signedIn(session));
    for (let round = 0; round < 20; round++) {
      await Promise.all(sessions.map((session) => store.findSessionWithUser(session.id)));
    }
    await rotateAll(store, sessions, 20);

    // PostgreSQL plans a statement's first five executions for their values; then for any, where that seems no worse.
    const { rows } = await client.query(
      `SELECT name, custom_plans FROM pg_prepared_statements
        WHERE name IN ('latchkey-find-sessions-with-users', 'latchkey-rotate-sessions') ORDER BY name`,
    );
    expect(rows).toEqual([
      { name: "latchkey-find-sessions-with-users", custom_plans: "5" },
      { name: "latchkey-rotate-sessions", custom_plans: "5" },
    ]);
  });

  it("purging passes over a session that is being changed, and does not wait for it", async () => {
    const { store, connect } = await openPostgres(server?.url);
    const sessions = [1, 2, 3].map((age) => sampleSession({ expiresAt: NOW - age }));
    for (const session of sessions) await store.sessions.createSession(session, signedIn(session));
    const client = await connect();
    await client.query("BEGIN");
    await client.query("SELECT FROM latchkey.session WHERE id = $1 FOR UPDATE", [sessions[2]?.id]);

    expect(await store.sessions.purgeSessions(NOW, 10)).toBe(2);
    await client.query("COMMIT");
    expect(await store.sessions.purgeSessions(NOW, 10)).toBe(1);
  });

  it("a session is found, rotated and purged through an index, however many there are", async () => {
    const { store, connect } = await openPostgres(server?.url);
    await store.checkHealth();
    const client = await connect();
    await client.query("SET enable_seqscan = off");
    const plans = [
      "SELECT * FROM latchkey.session WHERE id = 'x'",
      "SELECT * FROM latchkey.session WHERE user_id = 'x' AND revoked_at IS NULL ORDER BY created_at DESC, id",
      "SELECT id FROM latchkey.session WHERE expires_at < 5 ORDER BY expires_at LIMIT 5 FOR UPDATE SKIP LOCKED",
    ];
    for (const statement of plans) {
      const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN ${statement}`);
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      expect(plan).toMatch(/Index/);
      expect(plan).not.toMatch(/Seq Scan/);
    }
  });
});

/** Rotates all of them at once, each so many times; answers what became of them. */
function rotateAll(store: Store, sessions: readonly Session[], rounds: number): Promise<readonly Session[]> {
  return Promise.all(
    sessions.map(async (before) => {
      let session = before;
      for (let round = 0; round < rounds; round++) {
        const rotation = sampleRotation(session);
        expect(await store.sessions.rotateSession(rotation)).toBe(true);
        session = { ...session, ...rotation.next };
      }
      return session;
    }),
  );
}

async function wholeTableScans(client: Querier): Promise<number> {
  await countNow(client);
  const { rows } = await client.query<{ scans: string }>(
    "SELECT sum(seq_scan) AS scans FROM pg_stat_user_tables WHERE relname = 'session'",
  );
  return Number(rows[0]?.scans);
}

async function updateCounts(client: Querier): Promise<{ all: number; heapOnly: number }> {
  await countNow(client);
  const { rows } = await client.query<{ all: string; hot: string }>(
    `SELECT n_tup_upd AS all, n_tup_hot_upd AS hot FROM pg_stat_user_tables
      WHERE schemaname = 'latchkey' AND relname = 'session'`,
  );
  return { all: Number(rows[0]?.all), heapOnly: Number(rows[0]?.hot) };
}

/** A connection adds what it counted to what all can read a second later, or when it is told to. */
async function countNow(client: Querier): Promise<void> {
  await client.query("SELECT pg_stat_force_next_flush()");
}

async function sizes(client: Querier): Promise<{ table: number; indexes: number }> {
  const { rows } = await client.query<{ table: string; indexes: string }>(
    "SELECT pg_table_size('latchkey.session') AS table, pg_indexes_size('latchkey.session') AS indexes",
  );
  return { table: Number(rows[0]?.table), indexes: Number(rows[0]?.indexes) };
}

/** Where the write-ahead log ends. */
async function position(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ lsn: string }>("SELECT pg_current_wal_insert_lsn() AS lsn");
  return rows[0]?.lsn ?? "";
}

/** Whether the log is on the disk: past a position, or to its end. */
async function isFlushed(client: pg.Client, past?: string): Promise<boolean> {
  const { rows } = await client.query<{ flushed: boolean }>(
    past === undefined
      ? "SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn() AS flushed"
      : "SELECT pg_current_wal_flush_lsn() > $1::pg_lsn AS flushed",
    past === undefined ? [] : [past],
  );
  return rows[0]?.flushed === true;
}
