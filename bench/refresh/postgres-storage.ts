import pg from "pg";

import type { Storage } from "./subject.ts";

/** Measures all tables of a database, with their indexes. */
export async function measurePostgres(url: string): Promise<Storage> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const size = await client.query<{ bytes: string }>(
      "SELECT sum(pg_total_relation_size(relid)) AS bytes FROM pg_stat_user_tables",
    );
    const names = await client.query<{ name: string }>(
      "SELECT format('%I.%I', schemaname, relname) AS name FROM pg_stat_user_tables",
    );
    let rows = 0;
    for (const { name } of names.rows) {
      const counted = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${name}`);
      rows += Number(counted.rows[0]?.n ?? 0);
    }
    return { bytes: Number(size.rows[0]?.bytes ?? 0), rows };
  } finally {
    await client.end();
  }
}
