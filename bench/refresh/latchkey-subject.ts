import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openPostgresDatabase } from "../harness/postgres-database.ts";
import { freePort } from "../../scripts/free-port.ts";
import type { SharedStore } from "../harness/shared-store.ts";
import { openSqliteFolder } from "../harness/sqlite-folder.ts";
import { fillUpPostgres, fillUpSqlite } from "./fill-up.ts";
import { measurePostgres } from "./postgres-storage.ts";
import { measureSqlite } from "./sqlite-storage.ts";
import type { Storage, Subject } from "./subject.ts";

export interface LatchkeySubject extends Subject {
  /** Adds sessions that nobody uses until there are so many. */
  fillUp(total: number): Promise<void>;
}

/** `latchkey serve` on SQLite, with so many sessions. */
export async function startLatchkeyOnSqlite(
  sessions: number,
  execArgv: readonly string[] = [],
): Promise<LatchkeySubject> {
  const dataPath = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  const databasePath = join(dataPath, "latchkey.db");
  const subject = await start(openSqliteFolder(dataPath), {
    sessions,
    execArgv,
    measureStorage: async () => measureSqlite(databasePath),
    remove: async () => rmSync(dataPath, { recursive: true, force: true }),
  });
  return { ...subject, fillUp: async (total) => fillUpSqlite(databasePath, total) };
}

/** The same authority on PostgreSQL. */
export async function startLatchkeyOnPostgres(
  sessions: number,
  execArgv: readonly string[] = [],
): Promise<LatchkeySubject> {
  const store = await openPostgresDatabase();
  const subject = await start(store, {
    sessions,
    execArgv,
    measureStorage: () => measurePostgres(store.url),
    remove: () => store.close(),
  });
  return { ...subject, fillUp: (total) => fillUpPostgres(store.url, total) };
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
