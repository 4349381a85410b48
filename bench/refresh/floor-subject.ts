import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { freePort } from "../../scripts/free-port.ts";
import { startProcess } from "../harness/serve-process.ts";
import type { Subject } from "./subject.ts";

const PROGRAM = fileURLToPath(new URL("floor/server.mjs", import.meta.url));

/** What each answer of a server that checks nothing costs: the next one does what the one before does, and one thing more. */
export const FLOORS = ["bare node:http", "… and one signature", "… and one row"] as const;

export type Floor = (typeof FLOORS)[number];

export async function startFloor(floor: Floor): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-floor-"));
  const port = await freePort();
  const does = FLOORS.indexOf(floor);
  const node = await startProcess({
    port,
    readyPath: "/",
    args: [
      PROGRAM,
      "--port",
      `${port}`,
      ...(does >= 1 ? ["--sign"] : []),
      ...(does >= 2 ? ["--database", join(folder, "floor.db")] : []),
    ],
    built: true,
  });
  return {
    name: floor,
    database: does >= 2 ? "SQLite" : "nothing",
    port,
    pid: node.pid,
    wire: { kind: "latchkey" },
    tokens: Array.from({ length: 1_024 }, (_, n) => tokenLike(n)),
    measureStorage: async () => ({ bytes: 0, rows: 0 }),
    async stop() {
      await node.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** As long as a refresh token, and as readable to the load generator. */
function tokenLike(session: number): string {
  const segment = (content: object): string => Buffer.from(JSON.stringify(content)).toString("base64url");
  const header = segment({ alg: "HS256", typ: "rt+jwt", kid: "a".repeat(11) });
  const issuer = "http://localhost:40000";
  const payload = segment({
    iss: issuer,
    aud: issuer,
    sid: String(session).padStart(22, "0"),
    gen: 0,
    iat: 1_800_000_000,
    exp: 1_800_604_800,
    jti: "a".repeat(43),
  });
  return `${header}.${payload}.${"a".repeat(43)}`;
}
