import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";
import { afterAll, expect, it, onTestFinished } from "vitest";

import type { AuthEvent } from "../../src/domain/event.ts";
import type { Session } from "../../src/domain/session.ts";
import { ConfigurationError } from "../../src/errors.ts";
import type { Store } from "../../src/ports/store.ts";
import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import {
  NOW,
  passwordChanged,
  sampleAccount,
  sampleRotation,
  sampleSession,
  sessionRevoked,
  signedIn,
  signInFailed,
  userEvent,
} from "../../src/testing/samples.ts";
import { createTestDatabase, describeOnPostgres } from "./postgres-database.ts";

/** A new database, its store, and a connection of one's own to look behind the store's back. */
async function openPostgres(): Promise<{ url: string; store: Store; connect: () => Promise<pg.Client> }> {
  const database = await createTestDatabase();
  const opened: { close(): Promise<void> }[] = [];
  onTestFinished(async () => {
    for (const one of opened) await one.close();
    await database.drop();
  });
  const store = createPostgresStore({ connectionString: database.url });
  opened.push(store);
  return {
    url: database.url,
    store,
    connect: async () => {
      const client = new pg.Client({ connectionString: database.url });
      client.on("error", () => undefined);
      await client.connect();
      opened.push({ close: () => client.end().catch(() => undefined) });
      return client;
    },
  };
}

type Querier = Pick<pg.Pool, "query">;

/**
 * A store whose statements run one after another on one connection, which is here to be asked what they did. On several, how
 * much of a row's past can be cleared away depends on how long the slowest statement of another connection happens to take:
 * whatever has gone since that one began, it may still see.
 */
async function openOneConnection(): Promise<{ store: Store; client: Querier }> {
  const { url } = await openPostgres();
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on("error", () => undefined);
  const store = createPostgresStore({ pool });
  onTestFinished(async () => {
    await store.close();
    await pool.end();
  });
  return { store, client: pool };
}

const APPEND = "INSERT INTO latchkey.event (at, type, user_id, detail) VALUES ($1, $2, $3, $4)";

function appended(userId: string): readonly [string, unknown[]] {
  const event = signInFailed(userId);
  return [APPEND, [event.at, event.type, event.userId, JSON.stringify(event)]];
}

async function usersInOrder(store: Store, after = 0): Promise<readonly (string | null)[]> {
  return (await store.events.listEvents(after, 100)).map((event) => event.userId);
}

describeOnPostgres("events in PostgreSQL", () => {
  it("an event is not shown while one with a lower number may still be committed", async () => {
    const { store, connect } = await openPostgres();
    await store.events.appendEvent(signInFailed("first"));
    const slow = await connect();
    await slow.query("BEGIN");
    await slow.query(...appended("slow"));
    await store.events.appendEvent(signInFailed("quick"));

    expect(await usersInOrder(store)).toEqual(["first"]);
    await slow.query("COMMIT");
    expect(await usersInOrder(store)).toEqual(["first", "slow", "quick"]);
  });

  it("an event is shown as soon as the one with a lower number has failed", async () => {
    const { store, connect } = await openPostgres();
    await store.checkHealth();
    const [failing, broken] = [await connect(), await connect()];
    for (const client of [failing, broken]) {
      await client.query("BEGIN");
      await client.query(...appended("never"));
    }
    await store.events.appendEvent(signInFailed("quick"));

    expect(await usersInOrder(store)).toEqual([]);
    await failing.query("ROLLBACK");
    expect(await usersInOrder(store)).toEqual([]);
    await failing.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'idle in transaction'`,
    );
    await expect.poll(() => usersInOrder(store)).toEqual(["quick"]);
  });

  it("somebody else's long transaction does not keep events back, nor does a lock of the same kind", async () => {
    const { store, connect } = await openPostgres();
    await store.events.appendEvent(signInFailed("first"));
    const other = await connect();
    await other.query("BEGIN");
    await other.query("CREATE TABLE public.something (id int)");
    await other.query("INSERT INTO public.something VALUES (1)");
    await other.query("SELECT pg_advisory_xact_lock(1), pg_advisory_xact_lock(1, 1)");

    await store.events.appendEvent(signInFailed("second"));
    expect(await usersInOrder(store)).toEqual(["first", "second"]);
  });

  it("numbers past 2^31 and 2^32 change nothing", async () => {
    const { store, connect } = await openPostgres();
    await store.checkHealth();
    for (const start of [2 ** 31 - 2, 2 ** 32 - 2, 2 ** 45]) {
      const slow = await connect();
      await slow.query("SELECT setval('latchkey.event_sequence', $1)", [start]);
      await slow.query("BEGIN");
      await slow.query(...appended(`slow ${start}`));
      for (const name of ["a", "b", "c"]) await store.events.appendEvent(signInFailed(`${name} ${start}`));

      expect(await usersInOrder(store, start)).toEqual([]);
      await slow.query("COMMIT");
      expect(await usersInOrder(store, start)).toEqual(["slow", "a", "b", "c"].map((name) => `${name} ${start}`));
    }
  });
});

/** Which events wake the nodes: never one that anybody can bring about in numbers, for such commits wait for each other. */
const NOTIFIES: Readonly<Record<AuthEvent["type"], boolean>> = {
  user_signed_up: false,
  sign_up_refused: false,
  user_imported: false,
  signed_in: false,
  client_authorized: false,
  client_authentication_failed: false,
  sign_in_failed: false,
  reauthentication_failed: false,
  session_revoked: true,
  user_sessions_revoked: true,
  token_revoked: true,
  api_token_created: false,
  api_token_revoked: true,
  user_api_tokens_revoked: true,
  refresh_rolled_forward: false,
  device_changed: false,
  refreshed: false,
  refresh_retried: false,
  refresh_superseded: false,
  refresh_refused: false,
  password_changed: true,
  password_screening_skipped: false,
  password_reset_requested: false,
  password_unlocked: true,
  email_verified: true,
  email_changed: true,
  roles_changed: true,
  account_disabled: true,
  account_enabled: true,
  claims_changed: true,
  account_deleted: true,
  key_created: true,
  key_scheduled: true,
  key_revoked: true,
  audit_purged: false,
  audit_source_changed: false,
};

describeOnPostgres("notifications in PostgreSQL", () => {
  it.each(Object.entries(NOTIFIES))("of an event %s: %s", async (type, notifies) => {
    const { client, heard } = await listening();
    await client.query(APPEND, [NOW, type, null, "{}"]);
    // They come before the answer to whatever is asked next.
    await client.query("SELECT 1");
    expect(heard()).toBe(notifies);
  });

  let shared: Awaited<ReturnType<typeof openListening>> | undefined;
  afterAll(() => shared?.close());

  async function listening() {
    shared ??= await openListening();
    shared.forget();
    return shared;
  }

  async function openListening() {
    const database = await createTestDatabase();
    const store = createPostgresStore({ connectionString: database.url });
    await store.checkHealth();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query("LISTEN latchkey_event");
    let count = 0;
    client.on("notification", () => (count += 1));
    return {
      client,
      heard: () => count > 0,
      forget: () => void (count = 0),
      async close() {
        await client.end();
        await store.close();
        await database.drop();
      },
    };
  }
});

describeOnPostgres("rotation in PostgreSQL", () => {
  // A transaction that stays open, in whatever database of the server, keeps PostgreSQL from making room in pages: other tests'
  // and autovacuum's are no fault of a rotation.
  it("a rotation is a heap-only update: no index is touched and the table does not grow", { retry: 4 }, async () => {
    const { store, client } = await openOneConnection();
    const sessions = Array.from({ length: 600 }, () => sampleSession());
    for (const session of sessions) await store.sessions.createSession(session, signedIn(session));
    // The only other one that would look at the table, with a snapshot of its own.
    await client.query("ALTER TABLE latchkey.session SET (autovacuum_enabled = false)");
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
    const { store, connect } = await openPostgres();
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
    const { store, connect } = await openPostgres();
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
    const { store, connect } = await openPostgres();
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
    const { store, connect } = await openPostgres();
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
    const { store, url } = await openPostgres();
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
    const { store, client } = await openOneConnection();
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

  it("purging passes over a session that is being changed, and does not wait for it", async () => {
    const { store, connect } = await openPostgres();
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
    const { store, connect } = await openPostgres();
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

describeOnPostgres("a new password in PostgreSQL", () => {
  const waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

  async function openChange() {
    const { store, connect } = await openPostgres();
    const account = sampleAccount();
    const userId = account.user.id;
    await store.accounts.createAccount(account, userEvent("user_signed_up", userId));
    const kept = sampleSession({ userId });
    await store.sessions.createSession(kept, signedIn(kept));
    const change = { userId, expectedHash: account.passwordHash, newHash: "new", keepSessionId: kept.id, at: NOW };
    const client = await connect();
    const isWaiting = async (): Promise<boolean> => (await client.query(waiting)).rowCount !== 0;
    const changePassword = (): Promise<boolean> =>
      store.accounts.changePassword(change, passwordChanged(userId, kept.id));
    return { store, connect, account, userId, changePassword, isWaiting };
  }

  /** As a sign-in does: begins a session, and then looks whether the password is the one that was checked still. */
  async function signIn(store: Store, userId: string): Promise<{ session: Session; hash: string | undefined }> {
    const session = sampleSession({ userId });
    await store.sessions.createSession(session, signedIn(session), 10);
    return { session, hash: (await store.accounts.findAccount(userId))?.passwordHash };
  }

  it("SE-05: ends a session that was begun while the change waited for the account", async () => {
    const { store, connect, account, userId, changePassword, isWaiting } = await openChange();
    const reader = await connect();
    await reader.query("BEGIN");
    await reader.query("SELECT FROM latchkey.account WHERE id = $1 FOR SHARE", [userId]);
    const changed = changePassword();
    await expect.poll(isWaiting).toBe(true);

    const { session, hash } = await signIn(store, userId);
    expect(hash).toBe(account.passwordHash);
    await reader.query("COMMIT");

    expect(await changed).toBe(true);
    expect(await store.sessions.findSession(session.id)).toMatchObject({ revokedAt: NOW });
  });

  it("SE-05: is seen by who begins a session while it is being made", async () => {
    const { store, connect, userId, changePassword, isWaiting } = await openChange();
    const other = sampleSession({ userId });
    await store.sessions.createSession(other, signedIn(other));
    const holder = await connect();
    await holder.query("BEGIN");
    await holder.query("SELECT FROM latchkey.session WHERE id = $1 FOR UPDATE", [other.id]);
    const changed = changePassword();
    await expect.poll(isWaiting).toBe(true);

    const signingIn = signIn(store, userId);
    await sleep(100);
    await holder.query("COMMIT");

    expect(await changed).toBe(true);
    expect((await signingIn).hash).toBe("new");
  });
});

describeOnPostgres("the schema in PostgreSQL", () => {
  it("however many nodes start at once on an empty database, the schema is made once", async () => {
    const { url, store, connect } = await openPostgres();
    const nodes = Array.from({ length: 8 }, () => createPostgresStore({ connectionString: url }));
    onTestFinished(async () => {
      for (const node of nodes) await node.close();
    });

    await Promise.all([store, ...nodes].map((node) => node.checkHealth()));

    const { rows } = await (await connect()).query("SELECT version FROM latchkey.migration ORDER BY version");
    expect(rows.length).toBeGreaterThan(0);
    expect(rows).toEqual(rows.map((_, index) => ({ version: index + 1 })));
  });

  it("a database with a newer schema is refused, and left as it is", async () => {
    const { url, store, connect } = await openPostgres();
    await store.checkHealth();
    await (await connect()).query("INSERT INTO latchkey.migration (version) VALUES (99)");

    const older = createPostgresStore({ connectionString: url });
    onTestFinished(() => older.close());
    await expect(older.checkHealth()).rejects.toThrow(ConfigurationError);
    await expect(older.sessions.findSession("any")).rejects.toThrow(
      /^The database has schema 99; this Latchkey knows up to \d+\. Install a newer Latchkey\.$/,
    );
  });

  it("settings that the store's promises cannot be kept with are refused, with the way to mend them", async () => {
    const unsafe = [
      ["synchronous_commit=off", "ALTER ROLE … SET synchronous_commit = on"],
      ["default_transaction_isolation=serializable", "ALTER ROLE … SET default_transaction_isolation"],
    ] as const;
    const { url } = await openPostgres();
    for (const [setting, mend] of unsafe) {
      const store = createPostgresStore({ connectionString: `${url}?options=${encodeURIComponent(`-c ${setting}`)}` });
      onTestFinished(() => store.close());
      await expect(store.checkHealth()).rejects.toThrow(ConfigurationError);
      await expect(store.checkHealth()).rejects.toThrow(mend);
    }
  });

  it("what is no address of a PostgreSQL database is refused when the store is made", () => {
    expect(() => createPostgresStore({ connectionString: "latchkey.db" })).toThrow(ConfigurationError);
  });
});

describeOnPostgres("connections to PostgreSQL", () => {
  it("connections that break are replaced: requests may be refused, and then are answered again", async () => {
    const { store, connect } = await openPostgres();
    const session = sampleSession();
    await store.sessions.createSession(session, signedIn(session));
    const client = await connect();

    for (let round = 0; round < 5; round++) {
      await Promise.allSettled(Array.from({ length: 10 }, () => store.sessions.findSession(session.id)));
      const asking = Promise.allSettled(Array.from({ length: 20 }, () => store.sessions.findSession(session.id)));
      await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
      );
      await asking;
      await expect.poll(() => store.sessions.findSession(session.id).catch(() => "refused")).toEqual(session);
    }
  });

  it("a connection that breaks while the schema is made ends neither the process nor the store", async () => {
    const { store, connect } = await openPostgres();
    const [client, holder] = [await connect(), await connect()];
    // What the schema is made under; held here, so that the store waits for it.
    await holder.query("BEGIN");
    await holder.query("SELECT pg_advisory_xact_lock(7812734591120384)");
    const outcome = store.checkHealth().then(
      () => "made",
      (error: unknown) => String(error),
    );
    const waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    await expect.poll(async () => (await client.query(waiting)).rowCount).toBe(1);
    await client.query(`SELECT pg_terminate_backend(pid) FROM (${waiting}) AS waiting`);
    expect(await outcome).toMatch(/terminat/);

    await holder.query("COMMIT");
    await store.checkHealth();
  });

  it("where there is no server, a request is refused, and nothing is answered instead", async () => {
    const store = createPostgresStore({ connectionString: "postgres://latchkey@127.0.0.1:1/latchkey" });
    onTestFinished(() => store.close());
    await expect(store.checkHealth()).rejects.toThrow("ECONNREFUSED");
    await expect(store.sessions.findSession("any")).rejects.toThrow("ECONNREFUSED");
    await expect(store.sessions.rotateSession(sampleRotation(sampleSession()))).rejects.toThrow("ECONNREFUSED");
  });

  it("a pool that was handed in is used, and left open", async () => {
    const { url } = await openPostgres();
    const pool = new pg.Pool({ connectionString: url, max: 2 });
    onTestFinished(() => pool.end());
    const store = createPostgresStore({ pool });
    await store.checkHealth();
    await store.close();

    await expect(store.checkHealth()).rejects.toThrow("The PostgreSQL store is closed.");
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
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
