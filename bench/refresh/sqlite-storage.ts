import { DatabaseSync } from "node:sqlite";

import type { Storage } from "./subject.ts";

/** Counts a database's pages in use and its rows, seen from a connection of its own. */
export function measureSqlite(path: string): Storage {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  try {
    database.exec("PRAGMA wal_checkpoint(PASSIVE)");
    const pragma = (name: string): number => Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
      .all()
      .map((row) => String(row["name"]));
    const rows = tables.map((name) =>
      Number(database.prepare(`SELECT count(*) AS n FROM "${name}"`).get()?.["n"] ?? 0),
    );
    return {
      bytes: (pragma("page_count") - pragma("freelist_count")) * pragma("page_size"),
      rows: rows.reduce((sum, count) => sum + count, 0),
    };
  } finally {
    database.close();
  }
}
