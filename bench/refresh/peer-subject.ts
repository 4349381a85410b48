import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { freePort } from "../../scripts/free-port.ts";
import { startProcess } from "../harness/serve-process.ts";
import type { Wire } from "./load.ts";
import { measureSqlite } from "./sqlite-storage.ts";
import type { Subject } from "./subject.ts";

interface Peer {
  readonly name: string;
  readonly program: URL;
  readonly readyPath: string;
  readonly wire: Wire;
}

const OIDC_PROVIDER: Peer = {
  name: "oidc-provider",
  program: new URL("peers/oidc-provider-server.ts", import.meta.url),
  readyPath: "/.well-known/openid-configuration",
  wire: { kind: "oauth", path: "/token", clientId: "bench" },
};

/** Peers, in the order they are measured. */
export const PEERS: readonly Peer[] = [OIDC_PROVIDER];

/** Starts a peer's server on SQLite, with so many sessions. */
export async function startPeer(peer: Peer, sessions: number): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-peer-"));
  const database = join(folder, "peer.db");
  const tokensPath = join(folder, "tokens.json");
  const port = await freePort();
  const node = await startProcess({
    port,
    readyPath: peer.readyPath,
    args: [
      fileURLToPath(peer.program),
      "--port",
      `${port}`,
      "--database",
      database,
      "--sessions",
      `${sessions}`,
      "--tokens",
      tokensPath,
    ],
  });
  return {
    name: peer.name,
    database: "SQLite",
    port,
    pid: node.pid,
    wire: peer.wire,
    tokens: JSON.parse(readFileSync(tokensPath, "utf8")) as string[],
    measureStorage: async () => measureSqlite(database),
    async stop() {
      await node.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
