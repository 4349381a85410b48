import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createPostgresStore } from "@latchkey/server/postgres";
import pg from "pg";

import { startPostgres } from "../../scripts/postgres-server.ts";
import { startLatchkey } from "./serve-process.ts";
import { createSessionMaker } from "./session-maker.ts";
import type { SharedStore } from "./shared-store.ts";

/** A PostgreSQL database that nobody else uses; its nodes are `latchkey serve`. */
export interface PostgresDatabase extends SharedStore {
  readonly name: "PostgreSQL";
  readonly url: string;
}

/** Makes a database: on the server that `DATABASE_URL` names, or on one of its own. */
export async function openPostgresDatabase(): Promise<PostgresDatabase> {
  const configured = process.env["DATABASE_URL"];
  const own = configured === undefined ? await startPostgres({ durable: true }) : undefined;
  const base = configured ?? own?.url ?? "";
  const name = `latchkey_bench_${randomBytes(6).toString("hex")}`;
  await administer(base, `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
  const location = new URL(base);
  location.pathname = `/${name}`;
  const url = location.href;
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  const masterSecret = randomBytes(32).toString("base64url");
  return {
    name: "PostgreSQL",
    url,
    startNode: (options) =>
      startLatchkey({
        ...options,
        dataPath: folder,
        env: { LATCHKEY_DATABASE_URL: url, LATCHKEY_MASTER_SECRET: masterSecret },
      }),
    createMaker: (issuer) =>
      createSessionMaker({ store: createPostgresStore({ connectionString: url }), masterSecret, issuer }),
    ...(own !== undefined && { database: own }),
    async close() {
      rmSync(folder, { recursive: true, force: true });
      if (own === undefined) await administer(base, `DROP DATABASE ${name} WITH (FORCE)`);
      else await own.stop();
    },
  };
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
