import { DatabaseSync } from "node:sqlite";

import pg from "pg";

/** How many rows are written in one transaction: a log that held them all would take as much disk again. */
const CHUNK = 2_000_000;

/**
 * Fills a table of sessions up to a number with copies of one of them that differ in id and user. Their ids are spread over
 * the whole index and written in its order, which is what makes millions of them a matter of minutes.
 */
export function fillUpSqlite(path: string, total: number): void {
  const database = new DatabaseSync(path, { timeout: 30_000 });
  try {
    const existing = Number(database.prepare("SELECT count(*) AS n FROM session").get()?.["n"] ?? 0);
    const missing = total - existing;
    if (missing <= 0) return;
    const columns = database
      .prepare("PRAGMA table_info(session)")
      .all()
      .map((row) => String(row["name"]));
    const id = `printf('%012x', n * ${spacing(missing)}) || lower(hex(randomblob(5)))`;
    database.exec("PRAGMA cache_size = -262144");
    const fill = database.prepare(`
      WITH RECURSIVE counter (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM counter WHERE n < ?2)
      INSERT INTO session (${columns.join(", ")})
      SELECT ${valuesOf(columns, id).join(", ")} FROM (SELECT * FROM session LIMIT 1), counter`);
    for (let from = 1; from <= missing; from += CHUNK) {
      fill.run(from, Math.min(missing, from + CHUNK - 1));
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      showFilling(from + CHUNK - 1, missing);
    }
  } finally {
    database.close();
  }
}

/** The same on PostgreSQL; vacuumed, so that what the filling left to do falls into no round. */
export async function fillUpPostgres(url: string, total: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const counted = await client.query<{ n: string }>("SELECT count(*) AS n FROM latchkey.session");
    const missing = total - Number(counted.rows[0]?.n ?? 0);
    if (missing <= 0) return;
    const { rows } = await client.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns
       WHERE table_schema = 'latchkey' AND table_name = 'session' ORDER BY ordinal_position`,
    );
    const columns = rows.map((row) => row.name);
    const id = `lpad(to_hex(n * ${spacing(missing)}), 12, '0') || left(md5(n::text), 10)`;
    for (let from = 1; from <= missing; from += CHUNK) {
      await client.query(
        `INSERT INTO latchkey.session (${columns.join(", ")})
         SELECT ${valuesOf(columns, id).join(", ")}
         FROM (SELECT * FROM latchkey.session LIMIT 1) AS sample,
              generate_series(${from}::bigint, ${Math.min(missing, from + CHUNK - 1)}::bigint) AS n`,
      );
      showFilling(from + CHUNK - 1, missing);
    }
    await client.query("VACUUM (ANALYZE) latchkey.session");
    await client.query("CHECKPOINT");
  } finally {
    await client.end();
  }
}

function showFilling(written: number, missing: number): void {
  if (missing <= CHUNK) return;
  const share = Math.min(100, Math.floor((100 * written) / missing));
  process.stderr.write(process.stderr.isTTY ? `\r    ${share} % filled` : share === 100 ? "    filled\n" : "");
  if (process.stderr.isTTY && share === 100) process.stderr.write("\n");
}

/** Between two ids, for so many of them to cover 48 bits. */
function spacing(count: number): number {
  return Math.floor(2 ** 48 / (count + 1));
}

function valuesOf(columns: readonly string[], id: string): readonly string[] {
  return columns.map((name) => (name === "id" || name === "user_id" ? id : name));
}
