import { closeSync, openSync } from "node:fs";
import type { StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";

import { ConfigurationError } from "../../errors.ts";
import { migrate } from "./schema.ts";

/**
 * Two connections to one database file. Statements run synchronously and every transaction begins and ends within one
 * call, so the two never wait for each other; other processes are waited for.
 */
export interface SqliteConnections {
  /** `synchronous = FULL`: what it commits is on the disk before the caller is told. */
  readonly durable: DatabaseSync;
  /**
   * `synchronous = NORMAL`: a commit survives the death of the process; a power cut may forget the last few. For reads
   * and for rotations, which the session protocol rolls forward.
   */
  readonly relaxed: DatabaseSync;
}

/** How long to wait for another process's transaction, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

export function openConnections(path: string): SqliteConnections {
  if (path === "" || path === ":memory:") {
    throw new ConfigurationError("The SQLite store needs a file: it opens it twice, once for durable writes.");
  }
  // Made before SQLite would: others on the machine must not read it, nor its log, which takes the same mode.
  closeSync(openSync(path, "a", 0o600));
  const durable = open(path, "FULL");
  try {
    migrate(durable);
  } catch (error) {
    durable.close();
    throw error;
  }
  return { durable, relaxed: open(path, "NORMAL") };
}

/**
 * How many pages of 4 KiB the log may have before they go to the database file, and the memory for pages, in KiB. With
 * SQLite's defaults (1,000 and 2,000) a busy server spends its time moving the same pages over and over, and waits for
 * the disk each time: rotations of 50,000 sessions, 64 at once, were a fifth to a third slower.
 */
const CHECKPOINT_PAGES = 4_000;
const CACHE_KIB = 16_000;

function open(path: string, synchronous: "FULL" | "NORMAL"): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${synchronous};
    PRAGMA trusted_schema = OFF;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    PRAGMA cache_size = -${CACHE_KIB};
  `);
  return database;
}

/** For how long a probe may wait for another process's transaction, in milliseconds: all else waits for it. */
const PROBE_TIMEOUT_MS = 50;

/** Throws where the database cannot be read, or another process keeps it from being written. */
export function prepareWriteProbe(database: DatabaseSync): () => void {
  const read = database.prepare("SELECT count(*) FROM signing_key");
  return () => {
    database.exec(`PRAGMA busy_timeout = ${PROBE_TIMEOUT_MS}`);
    try {
      transaction(database, () => read.get());
    } finally {
      database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  };
}

/** Runs the work as one transaction that holds the write lock from its first statement on. */
export function transaction<Result>(database: DatabaseSync, work: () => Result): Result {
  return between(database, "BEGIN IMMEDIATE", work);
}

/** Runs the work as a part of a transaction that others share: as a whole or, where it throws, not at all. */
export function part<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec("SAVEPOINT part");
  try {
    const result = work();
    database.exec("RELEASE part");
    return result;
  } catch (error) {
    // A few errors have ended the whole transaction by themselves.
    if (database.isTransaction) database.exec("ROLLBACK TO part; RELEASE part");
    throw error;
  }
}

/** Runs work that changes nothing, on the database as it is at its first statement; nobody is locked out. */
export function snapshot<Result>(database: DatabaseSync, work: () => Result): Result {
  return between(database, "BEGIN", work);
}

type Begin = "BEGIN IMMEDIATE" | "BEGIN";

/** Prepared once for each connection: read anew each time, they take as long as a small statement between them. */
const boundaries = new WeakMap<DatabaseSync, Readonly<Record<Begin | "COMMIT", StatementSync>>>();

function boundariesOf(database: DatabaseSync): Readonly<Record<Begin | "COMMIT", StatementSync>> {
  let prepared = boundaries.get(database);
  if (prepared === undefined) {
    prepared = {
      BEGIN: database.prepare("BEGIN"),
      "BEGIN IMMEDIATE": database.prepare("BEGIN IMMEDIATE"),
      COMMIT: database.prepare("COMMIT"),
    };
    boundaries.set(database, prepared);
  }
  return prepared;
}

function between<Result>(database: DatabaseSync, begin: Begin, work: () => Result): Result {
  const prepared = boundariesOf(database);
  prepared[begin].run();
  try {
    const result = work();
    prepared.COMMIT.run();
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
