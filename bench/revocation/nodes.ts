import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { createSqliteStore } from "@latchkey/server";
import { createPostgresStore } from "@latchkey/server/postgres";

import { freePort } from "../../scripts/free-port.ts";
import { startPostgres } from "../../scripts/postgres-server.ts";
import type { ServeProcess } from "../harness/serve-process.ts";
import { startProcess } from "../harness/serve-process.ts";
import { createSessionMaker } from "../harness/session-maker.ts";
import type { SessionMaker } from "../harness/session-maker.ts";

const LATCHKEY = fileURLToPath(new URL("../../packages/latchkey/src/main.ts", import.meta.url));
const MASTER_SECRET = Buffer.alloc(32, 7).toString("base64");

export type StoreName = "SQLite" | "PostgreSQL";

/** Two nodes of one authority, with a public feed. */
export interface Nodes {
  readonly issuer: string;
  readonly urls: readonly [string, string];
  readonly maker: SessionMaker;
  stop(): Promise<void>;
}

export async function startNodes(storeName: StoreName): Promise<Nodes> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-revocation-"));
  const postgres = storeName === "PostgreSQL" ? await startPostgres({ durable: true }) : undefined;
  const ports = [await freePort(), await freePort()] as const;
  const urls = [`http://127.0.0.1:${ports[0]}`, `http://127.0.0.1:${ports[1]}`] as const;
  const [issuer] = urls;
  const nodes: ServeProcess[] = [];
  for (const port of ports) {
    const args = ["--port", `${port}`, "--data", folder, "--issuer", issuer, "--log-level", "error"];
    const node = startProcess({
      port,
      readyPath: "/health/ready",
      args: [LATCHKEY, "serve", ...args, "--public-revocation-feed", "--api-tokens", "--scope", "use:api"],
      env: {
        LATCHKEY_MASTER_SECRET: MASTER_SECRET,
        ...(postgres !== undefined && { LATCHKEY_DATABASE_URL: postgres.url }),
      },
    });
    nodes.push(await node);
  }
  const store =
    postgres === undefined
      ? createSqliteStore({ path: join(folder, "latchkey.db") })
      : createPostgresStore({ connectionString: postgres.url });
  const maker = await createSessionMaker({ store, masterSecret: MASTER_SECRET, issuer });
  return {
    issuer,
    urls,
    maker,
    async stop() {
      await maker.close();
      for (const node of nodes) await node.stop();
      await postgres?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
