import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it, onTestFinished } from "vitest";

import { ConfigurationError } from "../../src/errors.ts";
import { transaction } from "../../src/stores/sqlite/connection.ts";
import { createTurnBatch } from "../../src/stores/sqlite/turn-batch.ts";
import { createSqliteStore } from "../../src/stores/sqlite/index.ts";
import { sampleRotation, sampleSession, signedIn, signInFailed } from "../../src/testing/samples.ts";
import { asOfSchema } from "./sqlite-as-of-schema.ts";

function databasePath(): string {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-sqlite-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "latchkey.db");
}

function openDatabase(path: string, timeout = 50): DatabaseSync {
  const database = new DatabaseSync(path, { timeout });
  database.exec("PRAGMA journal_mode = WAL");
  onTestFinished(() => {
    if (database.isOpen) database.close();
  });
  return database;
}

describe("rotations that share a transaction", () => {
  it("one that fails loses none of the others", async () => {
    const store = createSqliteStore({ path: databasePath() });
    onTestFinished(() => store.close());
    const sessions = Array.from({ length: 5 }, () => sampleSession());
    for (const session of sessions) await store.sessions.createSession(session, signedIn(session));
    const rotations = sessions.map((session, index) => {
      const rotation = sampleRotation(session);
      // NaN becomes NULL, which the column refuses.
      return index === 2 ? { ...rotation, next: { ...rotation.next, generation: Number.NaN } } : rotation;
    });

    const settled = await Promise.allSettled(rotations.map((rotation) => store.sessions.rotateSession(rotation)));

    expect(settled.map((one) => (one.status === "fulfilled" ? one.value : "rejected"))).toEqual([
      true,
      true,
      "rejected",
      true,
      true,
    ]);
    for (const [index, session] of sessions.entries()) {
      const expected = index === 2 ? session : { ...session, ...rotations[index]?.next };
      expect(await store.sessions.findSession(session.id)).toEqual(expected);
    }
  });

  it("all that wait when the store closes are committed first", async () => {
    const path = databasePath();
    const store = createSqliteStore({ path });
    const session = sampleSession();
    await store.sessions.createSession(session, signedIn(session));
    const rotation = sampleRotation(session);

    const rotating = store.sessions.rotateSession(rotation);
    await store.close();

    expect(await rotating).toBe(true);
    const reopened = createSqliteStore({ path });
    onTestFinished(() => reopened.close());
    expect(await reopened.sessions.findSession(session.id)).toEqual({ ...session, ...rotation.next });
  });

  it("changes asked for in one turn are committed together, and each is answered after that", async () => {
    const path = databasePath();
    const [writer, reader] = [openDatabase(path), openDatabase(path)];
    writer.exec("CREATE TABLE number (value INTEGER)");
    const committed = (): unknown => reader.prepare("SELECT count(*) AS count FROM number").get()?.["count"];
    const batch = createTurnBatch(writer, transaction);
    const seen: unknown[] = [];

    const answers = [1, 2, 3].map((value) =>
      batch.add(() => {
        writer.prepare("INSERT INTO number VALUES (?)").run(value);
        seen.push(committed());
        return true;
      }),
    );
    const first = Promise.race(answers).then(committed);

    expect(await Promise.all(answers)).toEqual([true, true, true]);
    expect(seen).toEqual([0, 0, 0]);
    expect(await first).toBe(3);
  });

  it("a change that ends the transaction it shares fails alone: the others are done again without it", async () => {
    const writer = openDatabase(databasePath());
    writer.exec("CREATE TABLE number (value INTEGER)");
    const batch = createTurnBatch(writer, transaction);
    const insert = (value: number) =>
      batch.add(() => writer.prepare("INSERT INTO number VALUES (?)").run(value).changes === 1);

    const settled = await Promise.allSettled([
      insert(1),
      batch.add(() => {
        // What SQLite itself does where the disk is full or fails.
        writer.exec("ROLLBACK");
        throw new Error("disk I/O error");
      }),
      insert(3),
    ]);

    expect(settled.map((one) => one.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(writer.prepare("SELECT value FROM number").all()).toEqual([{ value: 1 }, { value: 3 }]);
  });

  it("OP-04: commits that may wait a little are begun no more often than their share of the time allows", async () => {
    const database = openDatabase(databasePath());
    const commits: number[] = [];
    const slowly: typeof transaction = (on, work) => {
      commits.push(performance.now());
      const until = performance.now() + 10;
      while (performance.now() < until);
      return transaction(on, work);
    };
    const batch = createTurnBatch(database, slowly, { maxShare: 0.2, maxPauseMs: 1_000 });

    const begun = performance.now();
    const all: Promise<boolean>[] = [];
    while (commits.length < 4) {
      all.push(batch.add(() => true));
      await sleep(5);
    }
    expect(await Promise.all(all)).toEqual(all.map(() => true));

    expect(commits[0]).toBeLessThan(begun + 50);
    const gaps = commits.slice(1).map((at, n) => at - (commits[n] ?? 0));
    // Ten milliseconds, and four times as long without one.
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(48);
  });

  it("a sign-in that fails beside others ends no session of the user's, and the others succeed", async () => {
    const store = createSqliteStore({ path: databasePath() });
    onTestFinished(() => store.close());
    const older = sampleSession();
    await store.sessions.createSession(older, signedIn(older));
    const [one, other] = [sampleSession({ userId: older.userId }), sampleSession()];
    // The same id a second time: what the limit has ended before that must come to life again.
    const twice = { ...one, id: other.id };

    const settled = await Promise.allSettled([
      store.sessions.createSession(other, signedIn(other)),
      store.sessions.createSession(twice, signedIn(twice), 1),
      store.sessions.createSession(one, signedIn(one)),
    ]);

    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    const live = await store.sessions.listSessions(older.userId, older.createdAt);
    expect(live.map(({ id }) => id).toSorted()).toEqual([older.id, one.id].toSorted());
    const ended = (await store.events.listEvents(0, 100)).filter(({ type }) => type === "session_revoked");
    expect(ended).toEqual([]);
  });

  it("where the database stays locked all are refused at once, after one wait", async () => {
    const path = databasePath();
    const [writer, blocker] = [openDatabase(path), openDatabase(path)];
    blocker.exec("CREATE TABLE number (value INTEGER); BEGIN IMMEDIATE");
    const batch = createTurnBatch(writer, transaction);
    let ran = 0;

    const settled = await Promise.allSettled(
      Array.from({ length: 100 }, () =>
        batch.add(() => {
          ran += 1;
          return true;
        }),
      ),
    );

    expect(settled.every((one) => one.status === "rejected")).toBe(true);
    expect(ran).toBe(0);
    blocker.exec("ROLLBACK");
    expect(await batch.add(() => true)).toBe(true);
  });
});

/** The step of the schema since which they are. */
const ATTEMPTS_ARE_LISTS = 9;

describe("the SQLite file", () => {
  it("one with a newer schema is refused", () => {
    const path = databasePath();
    openDatabase(path).exec("PRAGMA user_version = 99");
    expect(() => createSqliteStore({ path })).toThrow(ConfigurationError);
    expect(() => createSqliteStore({ path })).toThrow("Install a newer Latchkey.");
  });

  it("what an earlier version remembered of attempts is read as it was", async () => {
    const path = databasePath();
    const attempts = [
      { generation: 3, keyHashes: ["one"] },
      { generation: 4, keyHashes: ["two", "three"] },
    ];
    const [remembering, fresh] = [sampleSession(), sampleSession()];
    const first = createSqliteStore({ path });
    for (const session of [remembering, fresh]) await first.sessions.createSession(session, signedIn(session));
    await first.close();
    asOfSchema(ATTEMPTS_ARE_LISTS - 1, path);
    const database = openDatabase(path);
    database.prepare("UPDATE session SET attempts = ? WHERE id = ?").run(JSON.stringify(attempts), remembering.id);
    database.close();

    const store = createSqliteStore({ path });
    onTestFinished(() => store.close());
    expect(await store.sessions.findSession(remembering.id)).toEqual({ ...remembering, attempts });
    expect(await store.sessions.findSession(fresh.id)).toEqual(fresh);
  });

  it("a database without a file is refused, since it cannot be opened twice", () => {
    for (const path of ["", ":memory:"]) expect(() => createSqliteStore({ path })).toThrow(ConfigurationError);
  });

  it("a rotation is relaxed, and one that is recorded is flushed like everything else", async () => {
    const store = createSqliteStore({ path: databasePath() });
    onTestFinished(() => store.close());
    const session = sampleSession();
    await store.sessions.createSession(session, signedIn(session));
    const rotation = sampleRotation(session);

    const rotated = await Promise.all([
      store.sessions.rotateSession(rotation),
      store.sessions.rotateSession(sampleRotation(session), signInFailed(null)),
    ]);

    // The recorded one does not wait for the turn to end, so it is first; the other then finds the row moved on.
    expect(rotated).toEqual([false, true]);
  });

  it("a store is closed as often as one likes", async () => {
    const store = createSqliteStore({ path: databasePath() });
    await store.close();
    await expect(store.close()).resolves.toBeUndefined();
  });
});
