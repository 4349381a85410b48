import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Store } from "@latchkey/server";
import { createSqliteStore } from "@latchkey/server";
import { createPostgresStore } from "@latchkey/server/postgres";
import { combineStores, createRedisSessionStore } from "@latchkey/server/redis";

import { startRedis } from "../../scripts/redis-server.ts";
import { openPostgresDatabase } from "./postgres-database.ts";
import { startProcess } from "./serve-process.ts";
import { createSessionMaker } from "./session-maker.ts";
import type { SharedStore } from "./shared-store.ts";

export interface RedisSessionsOptions {
  readonly accounts: "SQLite" | "PostgreSQL";
  /** When Redis forces what it has answered to the disk: `always`, which the store demands, or once a second. */
  readonly fsync?: "always" | "everysec";
}

const NODE_PROGRAM = fileURLToPath(new URL("store-node.mjs", import.meta.url));

/** Sessions in a Redis server of its own, accounts in a database of theirs. */
export async function openRedisSessions({ accounts, fsync = "always" }: RedisSessionsOptions): Promise<SharedStore> {
  const redis = await startRedis({ appendfsync: fsync });
  const place = accounts === "SQLite" ? openAccountsFile() : await openAccountsDatabase();
  const masterSecret = randomBytes(32).toString("base64url");
  const durability = fsync === "always" ? "checked" : "unchecked";
  return {
    name: `Redis${fsync === "always" ? "" : `, appendfsync ${fsync}`} (accounts in ${accounts})`,
    startNode: ({ port, issuer, ...options }) =>
      startProcess({
        ...options,
        port,
        readyPath: "/health/ready",
        args: [NODE_PROGRAM, "--port", `${port}`, "--issuer", issuer],
        env: {
          ...place.env,
          BENCH_MASTER_SECRET: masterSecret,
          BENCH_REDIS_URL: redis.url,
          BENCH_REDIS_DURABILITY: durability,
        },
      }),
    createMaker: (issuer) =>
      createSessionMaker({
        store: combineStores({
          accounts: place.open(),
          sessions: createRedisSessionStore({ url: redis.url, durability }),
        }),
        masterSecret,
        issuer,
      }),
    database: redis,
    async close() {
      await redis.stop();
      await place.close();
    },
  };
}

interface AccountsPlace {
  readonly env: Readonly<Record<string, string>>;
  open(): Store;
  close(): Promise<void>;
}

function openAccountsFile(): AccountsPlace {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  const path = join(folder, "latchkey.db");
  return {
    env: { BENCH_SQLITE_PATH: path },
    open: () => createSqliteStore({ path }),
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function openAccountsDatabase(): Promise<AccountsPlace> {
  const database = await openPostgresDatabase();
  return {
    env: { BENCH_DATABASE_URL: database.url },
    open: () => createPostgresStore({ connectionString: database.url }),
    close: () => database.close(),
  };
}
