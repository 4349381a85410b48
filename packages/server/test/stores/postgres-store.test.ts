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
  signedIn,
  signInFailed,
  userEvent,
} from "../../src/testing/samples.ts";
import { openOneConnection, openPostgres } from "./opened-postgres.ts";
import { createTestDatabase, describeOnPostgres } from "./postgres-database.ts";

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

  it("nodes that run go on reading and rotating while a newer one adds a column to every table", async () => {
    const { store, client } = await openOneConnection();
    const account = sampleAccount();
    await store.accounts.createAccount(account, userEvent("user_signed_up", account.user.id));
    const sessions = [sampleSession({ userId: account.user.id }), sampleSession({ userId: account.user.id })];
    for (const session of sessions) await store.sessions.createSession(session, signedIn(session));
    const work = { name: "work", holder: "node", leaseMs: 60_000, startAt: 0 };
    const useEverything = () =>
      Promise.all([
        ...sessions.map((session) => store.findSessionWithUser(session.id)),
        store.sessions.findSession(sessions[0]?.id ?? ""),
        store.sessions.listSessions(account.user.id, NOW),
        store.accounts.findUser(account.user.id),
        store.accounts.findAccountByEmail(account.user.email),
        store.accounts.listUsers("", 10),
        store.apiTokens.findApiToken("none"),
        store.apiTokens.listApiTokens(account.user.id, NOW),
        store.apiTokens.listRevokedApiTokens({ now: NOW, after: "", limit: 10 }),
        store.keys.listKeys(),
        store.keys.changeKeys(() => undefined),
        store.audit.readState(),
        store.audit.listEntries({ limit: 10 }),
        store.audit.listCheckpoints(),
        store.events.listEvents(0, 10),
        store.consumers.claim(work),
      ]);

    const before = await useEverything();
    // Once more alone: one session by itself is another statement than two together.
    expect(await store.findSessionWithUser(sessions[0]?.id ?? "")).toEqual(before[0]);
    const { rows } = await client.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relnamespace = 'latchkey'::regnamespace AND relkind = 'r'",
    );
    for (const { name } of rows) await client.query(`ALTER TABLE latchkey.${name} ADD COLUMN later text`);

    expect(await useEverything()).toEqual(before);
    expect(await store.findSessionWithUser(sessions[0]?.id ?? "")).toEqual(before[0]);
    for (const session of sessions) expect(await store.sessions.rotateSession(sampleRotation(session))).toBe(true);
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
