import { renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

import { migrate } from "../../src/stores/sqlite/schema.ts";

/** Puts a database of an earlier schema in the place of this one, with all that it has room for. */
export function asOfSchema(version: number, path: string): void {
  const current = `${path}.current`;
  renameSync(path, current);
  const database = new DatabaseSync(path);
  migrate(database, version);
  database.exec(`ATTACH '${current}' AS current`);
  for (const row of database.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table'").all()) {
    const name = String(row["name"]);
    const columns = database
      .prepare("SELECT name FROM pragma_table_info(?, 'main')")
      .all(name)
      .map((column) => String(column["name"]))
      .join();
    database.exec(
      `DELETE FROM main.${name}; INSERT INTO main.${name} (${columns}) SELECT ${columns} FROM current.${name}`,
    );
  }
  database.close();
}
