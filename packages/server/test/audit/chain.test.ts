import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";

import { afterAll, describe, expect, it, onTestFinished } from "vitest";

import { createAuditLog } from "../../src/audit/audit-log.ts";
import { writeChain } from "../../src/audit/chain-writer.ts";
import { hashEntry } from "../../src/audit/entry.ts";
import { announcePurge, purgeAudit, purgeOutbox } from "../../src/audit/retention.ts";
import { createKeySealer, createSqliteStore } from "../../src/index.ts";
import type { Store } from "../../src/ports/store.ts";
import { NOW, signInFailed } from "../../src/testing/samples.ts";
import { createPostgresStore } from "../../src/stores/postgres/index.ts";
import { createTestDatabase, describeOnPostgres } from "../stores/postgres-database.ts";
import { describeOnRedis } from "../stores/redis-test-server.ts";
import { shareCombinedStores } from "../stores/redis-combined-stores.ts";

const sealer = createKeySealer(new Uint8Array(32).fill(3));
const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
const running = new AbortController();
afterAll(() => running.abort());

function temporaryPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-audit-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "latchkey.db");
}

function openLog(store: Store, clock = () => NOW) {
  onTestFinished(() => store.close());
  return {
    store,
    log: createAuditLog({ store, openSealer: async () => sealer, clock }),
    write: () => writeChain({ store, clock, logger }),
  };
}

/** A log of twelve entries, and a connection behind its back. */
async function openWrittenLog() {
  const path = temporaryPath();
  const opened = openLog(createSqliteStore({ path }));
  for (let index = 1; index <= 12; index++) await opened.store.events.appendEvent(signInFailed(`user ${index}`));
  expect(await opened.write()).toBe(12);
  const database = new DatabaseSync(path);
  onTestFinished(() => database.close());
  return { ...opened, path, database };
}

/** What somebody does who can write the database and knows how the log is made. */
function rehash(database: DatabaseSync, from: number): void {
  const rows = database.prepare("SELECT number, content FROM audit_entry WHERE number >= ? ORDER BY number").all(from);
  const before = database.prepare("SELECT hash FROM audit_entry WHERE number = ?").get(from - 1);
  let previous = String(before?.["hash"] ?? database.prepare("SELECT log_id FROM audit_state").get()?.["log_id"]);
  for (const { number, content } of rows) {
    previous = hashEntry(previous, Number(number), String(content));
    database.prepare("UPDATE audit_entry SET hash = ? WHERE number = ?").run(previous, Number(number));
  }
  database
    .prepare("UPDATE audit_state SET head_hash = ?, head_number = (SELECT max(number) FROM audit_entry)")
    .run(previous);
}

describe("OP-02: checking the log", () => {
  it("an untouched log is intact, with and without a checkpoint", async () => {
    const { log } = await openWrittenLog();
    expect(await log.verify()).toEqual({ intact: true, entries: 12, first: 1, last: 12, coveredThrough: 0 });
    const checkpoint = await log.checkpoint();
    expect(await log.verify({ checkpoints: [checkpoint] })).toMatchObject({ intact: true, coveredThrough: 12 });
  });

  const changes: readonly (readonly [string, string, { number: number; fault: string }])[] = [
    [
      "an altered entry",
      "UPDATE audit_entry SET content = replace(content, 'user 5', 'user 6') WHERE number = 5",
      { number: 5, fault: "altered" },
    ],
    ["an altered hash", "UPDATE audit_entry SET hash = 'x' WHERE number = 5", { number: 5, fault: "altered" }],
    [
      "an entry hidden from searches",
      "UPDATE audit_entry SET user_id = 'nobody' WHERE number = 5",
      { number: 5, fault: "altered" },
    ],
    [
      "an entry hidden from searches by time",
      "UPDATE audit_entry SET at = 0 WHERE number = 5",
      { number: 5, fault: "altered" },
    ],
    ["a removed entry", "DELETE FROM audit_entry WHERE number = 5", { number: 5, fault: "missing" }],
    ["the first entry removed", "DELETE FROM audit_entry WHERE number = 1", { number: 1, fault: "missing" }],
    ["the newest entries removed", "DELETE FROM audit_entry WHERE number > 9", { number: 10, fault: "missing" }],
    ["all entries removed", "DELETE FROM audit_entry", { number: 1, fault: "missing" }],
    [
      "two entries that changed places",
      `UPDATE audit_entry SET number = 100 WHERE number = 5; UPDATE audit_entry SET number = 5 WHERE number = 6;
       UPDATE audit_entry SET number = 6 WHERE number = 100`,
      { number: 5, fault: "altered" },
    ],
    [
      "an inserted entry",
      `UPDATE audit_entry SET number = -number - 1 WHERE number >= 5; UPDATE audit_entry SET number = -number WHERE number < 0;
       INSERT INTO audit_entry SELECT 5, at, type, user_id, session_id, ip, content, hash FROM audit_entry WHERE number = 4;
       UPDATE audit_state SET head_number = 13`,
      { number: 5, fault: "altered" },
    ],
    [
      "an entry after the newest",
      "INSERT INTO audit_entry SELECT 13, at, type, user_id, session_id, ip, content, hash FROM audit_entry WHERE number = 12",
      { number: 13, fault: "altered" },
    ],
    ["a beginning of another log", "UPDATE audit_state SET log_id = 'another'", { number: 1, fault: "altered" }],
  ];
  it.each(changes)("%s is reported, by its number", async (_what, sql, fault) => {
    const { log, database } = await openWrittenLog();
    database.exec(sql);
    expect(await log.verify()).toMatchObject({ intact: false, ...fault });
  });

  it("the oldest entries removed, with a base to match: no entry says that they were to be", async () => {
    const { log, database } = await openWrittenLog();
    database.exec(`
      UPDATE audit_state SET base_number = 4, base_hash = (SELECT hash FROM audit_entry WHERE number = 4);
      DELETE FROM audit_entry WHERE number <= 4`);
    expect(await log.verify()).toMatchObject({ intact: false, number: 1, fault: "missing" });
  });

  it("an entry rehashed alone is caught at the one after it; with all that follow, by any checkpoint after it", async () => {
    const { log, database, store, write } = await openWrittenLog();
    const kept = await log.checkpoint();
    database.exec("DELETE FROM audit_checkpoint");
    await store.events.appendEvent(signInFailed("later"));
    await write();
    database.exec(
      "UPDATE audit_entry SET content = replace(content, 'user 5', 'user 6'), user_id = 'user 6' WHERE number = 5",
    );
    const rows = database.prepare("SELECT content, hash FROM audit_entry WHERE number IN (4, 5) ORDER BY number").all();
    const alone = hashEntry(String(rows[0]?.["hash"]), 5, String(rows[1]?.["content"]));
    database.prepare("UPDATE audit_entry SET hash = ? WHERE number = 5").run(alone);
    expect(await log.verify()).toMatchObject({ intact: false, number: 6, fault: "altered" });
    rehash(database, 5);

    // Nobody can tell from the database alone.
    expect(await log.verify()).toMatchObject({ intact: true });
    expect(await log.verify({ checkpoints: [kept] })).toMatchObject({
      intact: false,
      number: 1,
      fault: "rewritten",
      description: expect.stringContaining("entry 12"),
    });
  });

  it("an entry chained after the newest behind the writer's back is reported", async () => {
    const { log, database } = await openWrittenLog();
    const [newest] = await log.list({ limit: 1 });
    const forged = hashEntry(newest?.hash ?? "", 13, newest?.content ?? "");
    database
      .prepare(
        "INSERT INTO audit_entry SELECT 13, at, type, user_id, session_id, ip, content, ? FROM audit_entry WHERE number = 12",
      )
      .run(forged);
    expect(await log.verify()).toMatchObject({ intact: false, number: 13, fault: "altered" });
  });

  it("checkpoints in the store say so, too, and between which of them", async () => {
    const { log, database, store, write } = await openWrittenLog();
    await log.checkpoint();
    // After the entry that the key of checkpoints was made.
    await store.events.appendEvent(signInFailed("13"));
    await store.events.appendEvent(signInFailed("14"));
    await write();
    await log.checkpoint();
    database.exec(
      "UPDATE audit_entry SET content = replace(content, '\"13\"', '\"31\"'), user_id = '31' WHERE number = 14",
    );
    rehash(database, 13);
    expect(await log.verify()).toMatchObject({ intact: false, number: 13, fault: "rewritten" });
  });

  it("a tail cut off together with the head is caught by a checkpoint that was kept elsewhere", async () => {
    const { log, database } = await openWrittenLog();
    const kept = await log.checkpoint();
    database.exec(`
      DELETE FROM audit_entry WHERE number > 9; DELETE FROM audit_checkpoint;
      UPDATE audit_state SET head_number = 9, head_hash = (SELECT hash FROM audit_entry WHERE number = 9)`);
    expect(await log.verify()).toMatchObject({ intact: true, last: 9 });
    expect(await log.verify({ checkpoints: [kept] })).toMatchObject({ intact: false, number: 10, fault: "missing" });
  });

  it("no checkpoint is believed that this authority has not signed for this log", async () => {
    const [one, other] = [await openWrittenLog(), await openWrittenLog()];
    const [mine, foreign] = [await one.log.checkpoint(), await other.log.checkpoint()];
    const [head, claims, signature] = mine.split(".");
    const forged = Buffer.from(
      Buffer.from(claims ?? "", "base64url")
        .toString()
        .replace('"number":12', '"number":13'),
    );
    for (const checkpoint of [foreign, `${head}.${forged.toString("base64url")}.${signature}`, "", "a.b.c", "null"]) {
      expect(await one.log.verify({ checkpoints: [checkpoint] })).toMatchObject({
        intact: false,
        fault: "false_checkpoint",
      });
    }
    one.database.prepare("UPDATE audit_checkpoint SET jws = ?").run(foreign);
    expect(await one.log.verify()).toMatchObject({ intact: false, fault: "false_checkpoint", number: 12 });
  });
});

describe("H-08: what clients say of themselves", () => {
  it("is kept in one line of printable ASCII, bounded, and can be read back", async () => {
    const { store, log, write } = openLog(createSqliteStore({ path: temporaryPath() }));
    const userAgent = 'line\r\nbreak \u001b[31mred\u001b[0m \u0085\u2028 \u202Eright "} ünï';
    await store.events.appendEvent({ ...signInFailed(null), origin: { ip: "192.0.2.1", userAgent } });
    await store.events.appendEvent({ ...signInFailed(null), origin: { ip: null, userAgent: "x".repeat(9_999) } });
    await write();
    const [long, entry] = await log.list();
    expect(entry?.content).toMatch(/^[ -~]+$/);
    expect(entry?.event.origin.userAgent).toBe(userAgent);
    expect(long?.event.origin.userAgent).toHaveLength(256);
    expect(await log.verify()).toMatchObject({ intact: true, entries: 2 });
  });
});

describe("entries whose time is over", () => {
  it("are removed once the log says so, and the rest can be checked still", async () => {
    const { store, log, write } = openLog(createSqliteStore({ path: temporaryPath() }));
    const { audit, events } = store;
    const day = 86_400;
    for (let index = 0; index < 30; index++)
      await events.appendEvent({ ...signInFailed(`${index}`), at: NOW + index * day });
    await write();
    const clock = () => NOW + 30 * day;
    await announcePurge({ audit, events, clock, retentionDays: 10 });
    await purgeAudit({ audit, signal: running.signal });
    expect((await log.verify()).intact).toBe(true);
    expect(await log.list({ limit: 100 })).toHaveLength(30);

    await write();
    await purgeAudit({ audit, signal: running.signal });
    await announcePurge({ audit, events, clock, retentionDays: 10 });
    expect(await write()).toBe(0);
    expect(await log.verify()).toMatchObject({ intact: true, first: 21, last: 31 });
    expect((await log.list({ limit: 100 })).map(({ number }) => number).at(-1)).toBe(21);
    await purgeAudit({ audit, signal: running.signal });
    expect(await log.verify()).toMatchObject({ intact: true, first: 21 });
  });

  it("leave the outbox when they are in the log, a day old, and not among the newest thousand", async () => {
    const { store, write, log } = openLog(createSqliteStore({ path: temporaryPath() }));
    const { audit, events } = store;
    for (let index = 0; index < 1_700; index++) await events.appendEvent(signInFailed(`${index}`));
    const purge = (at: number) => purgeOutbox({ audit, events, clock: () => at, signal: running.signal });
    await purge(NOW + 90_000);
    expect(await events.listEvents(0, 5_000)).toHaveLength(1_700);
    await write();
    await purge(NOW + 80_000);
    expect(await events.listEvents(0, 5_000)).toHaveLength(1_700);
    await purge(NOW + 90_000);
    expect(await events.listEvents(0, 5_000)).toHaveLength(1_000);

    await events.appendEvent(signInFailed("after"));
    expect(await write()).toBe(1);
    expect(await log.verify()).toMatchObject({ intact: true, entries: 1_701 });
  });
});

type OpenStore = () => Store;

function describeNodes(createDatabase: () => Promise<OpenStore>): void {
  it("write one log between them, of everything, in each writer's order", async () => {
    const open = await createDatabase();
    const nodes = [openLog(open()), openLog(open()), openLog(open())];
    let isAppending = true;
    const append = async (writer: number): Promise<void> => {
      for (let round = 0; round < 20; round++) {
        await nodes[writer % 3]?.store.events.appendEvent(signInFailed(`${writer}.${round}`));
      }
    };
    const appending = Promise.all(Array.from({ length: 9 }, (_, writer) => append(writer))).finally(() => {
      isAppending = false;
    });
    const write = async (node: (typeof nodes)[number]): Promise<void> => {
      while (isAppending) {
        await node.write();
        // A store that answers at once leaves nobody else a turn.
        await setImmediate();
      }
    };
    await Promise.all([...nodes.map(write), appending]);
    await nodes[0]?.write();

    const entries = [];
    for await (const entry of nodes[1]?.log.export() ?? []) entries.push(entry);
    const marks = entries.map(({ event }) => event.userId ?? "");
    expect(marks).toHaveLength(180);
    for (let writer = 0; writer < 9; writer++) {
      expect(marks.filter((mark) => mark.startsWith(`${writer}.`))).toEqual(
        Array.from({ length: 20 }, (_, round) => `${writer}.${round}`),
      );
    }
    expect(await nodes[2]?.log.verify()).toMatchObject({ intact: true, entries: 180 });
    expect(await nodes[2]?.log.verify({ checkpoints: [(await nodes[0]?.log.checkpoint()) ?? ""] })).toMatchObject({
      intact: true,
      coveredThrough: 180,
    });
  });

  it("note that the outbox is another than was read, and record what is not in the log yet, once", async () => {
    const open = await createDatabase();
    const store = open();
    const { log, write } = openLog(store);
    for (const mark of ["one", "two", "two", "three"]) await store.events.appendEvent(signInFailed(mark));
    await write();
    const state = await store.audit.readState();
    // As where the newest event was lost, and its number given to another.
    const source = { ...state.source, fingerprint: "another" };
    expect(await store.audit.append(state.head, [], source)).toBe(true);
    await store.events.appendEvent(signInFailed("four"));
    await write();
    await write();

    const entries = (await log.list()).toReversed();
    expect(entries.map(({ event }) => (event.type === "sign_in_failed" ? event.userId : event.type))).toEqual([
      "one",
      "two",
      "two",
      "three",
      "audit_source_changed",
      "four",
    ]);
    expect(await log.verify()).toMatchObject({ intact: true, entries: 6 });
  });
}

describe("nodes on one SQLite file", () => {
  describeNodes(async () => {
    const path = temporaryPath();
    return () => createSqliteStore({ path });
  });
});

describeOnPostgres("nodes on one PostgreSQL", () => {
  describeNodes(async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    return () => createPostgresStore({ connectionString: database.url });
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
