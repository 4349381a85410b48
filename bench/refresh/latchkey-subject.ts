import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { openPostgresDatabase } from "../harness/postgres-database.ts";
import { freePort } from "../../scripts/free-port.ts";
import type { SharedStore } from "../harness/shared-store.ts";
import { openSqliteFolder } from "../harness/sqlite-folder.ts";
import { measurePostgres } from "./postgres-storage.ts";
import { measureSqlite } from "./sqlite-storage.ts";
import type { Storage, Subject } from "./subject.ts";

/** `latchkey serve` on SQLite, with so many sessions; `fillUp` adds others that nobody uses. */
export async function startLatchkeyOnSqlite(
  sessions: number,
  execArgv: readonly string[] = [],
): Promise<Subject & { fillUp(total: number): void }> {
  const dataPath = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  const databasePath = join(dataPath, "latchkey.db");
  const subject = await start(openSqliteFolder(dataPath), {
    sessions,
    execArgv,
    measureStorage: async () => measureSqlite(databasePath),
    remove: async () => rmSync(dataPath, { recursive: true, force: true }),
  });
  return { ...subject, fillUp: (total) => insertRows(databasePath, total) };
}

/** The same authority on PostgreSQL. */
export async function startLatchkeyOnPostgres(sessions: number, execArgv: readonly string[] = []): Promise<Subject> {
  const store = await openPostgresDatabase();
  return start(store, {
    sessions,
    execArgv,
    measureStorage: () => measurePostgres(store.url),
    remove: () => store.close(),
  });
}

interface StartOptions {
  readonly sessions: number;
  readonly execArgv: readonly string[];
  readonly measureStorage: () => Promise<Storage>;
  readonly remove: () => Promise<void>;
}

async function start(
  store: SharedStore & { readonly name: Subject["database"] },
  options: StartOptions,
): Promise<Subject> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const maker = await store.createMaker(issuer);
  const tokens: string[] = [];
  for (let n = 0; n < options.sessions; n += 16) {
    const some = await Promise.all(
      Array.from({ length: Math.min(16, options.sessions - n) }, () => maker.make("body")),
    );
    tokens.push(...some.map((session) => session.refreshToken));
  }
  await maker.close();
  const node = await store.startNode({ port, issuer, built: true, execArgv: options.execArgv });
  return {
    name: "Latchkey",
    database: store.name,
    port,
    pid: node.pid,
    wire: { kind: "latchkey" },
    tokens,
    measureStorage: options.measureStorage,
    async stop() {
      await node.stop();
      await options.remove();
    },
  };
}

/** Fills the table up with copies of one session that differ in id and user, at random places of every index. */
function insertRows(path: string, total: number): void {
  const database = new DatabaseSync(path, { timeout: 30_000 });
  try {
    const existing = Number(database.prepare("SELECT count(*) AS n FROM session").get()?.["n"] ?? 0);
    const columns = database
      .prepare("PRAGMA table_info(session)")
      .all()
      .map((row) => String(row["name"]));
    const values = columns.map((name) => (name === "id" || name === "user_id" ? "lower(hex(randomblob(11)))" : name));
    if (existing >= total) return;
    database.exec(`
      PRAGMA cache_size = -262144;
      WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < ${total - existing})
      INSERT INTO session (${columns.join(", ")})
      SELECT ${values.join(", ")} FROM (SELECT * FROM session LIMIT 1), counter`);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    database.close();
  }
}
