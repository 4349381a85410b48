import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { freePort } from "../../scripts/free-port.ts";
import { openPostgresDatabase } from "../harness/postgres-database.ts";
import { startProcess } from "../harness/serve-process.ts";
import type { Wire } from "./load.ts";
import { measurePostgres } from "./postgres-storage.ts";
import { measureSqlite } from "./sqlite-storage.ts";
import type { Subject } from "./subject.ts";

/** Another server, with a program that serves it: on SQLite, or on PostgreSQL where `BENCH_DATABASE_URL` names one. */
export interface Peer {
  readonly name: string;
  readonly program: URL;
  readonly readyPath: string;
  readonly wire: Wire;
  readonly args?: readonly string[];
}

export const OIDC_PROVIDER: Peer = {
  name: "oidc-provider",
  program: new URL("peers/oidc-provider/server.mjs", import.meta.url),
  readyPath: "/.well-known/openid-configuration",
  wire: { kind: "oauth", path: "/token", clientId: "bench" },
};

/** Only once it has been installed. */
export const BETTER_AUTH: Peer = {
  name: "Better Auth",
  program: new URL("peers/better-auth/server.mjs", import.meta.url),
  readyPath: "/api/auth/ok",
  wire: { kind: "oauth", path: "/api/auth/oauth2/token", clientId: "bench", resource: "https://api.example.com" },
};

/** The same with access tokens that nobody has to sign. */
export const BETTER_AUTH_OPAQUE: Peer = {
  ...BETTER_AUTH,
  name: "Better Auth (opaque)",
  wire: { kind: "oauth", path: "/api/auth/oauth2/token", clientId: "bench" },
  args: ["--opaque"],
};

/**
 * Installs a peer that is no part of the workspace, into the folder of its program, in the versions that are pinned there.
 * @throws Error where npm fails
 */
export function installPeer(peer: Peer): void {
  const cwd = fileURLToPath(new URL(".", peer.program));
  const flagsOfNpm = ["--legacy-peer-deps", "--no-audit", "--no-fund", "--no-package-lock"];
  const { status } = spawnSync("npm", ["install", ...flagsOfNpm], {
    cwd,
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error(`${peer.name} could not be installed.`);
}

/** Starts a peer's server on SQLite, with so many sessions. */
export async function startPeerOnSqlite(peer: Peer, sessions: number): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-peer-"));
  const path = join(folder, "peer.db");
  const { subject, kill } = await start(peer, { sessions, folder, args: ["--database", path], env: {} });
  return {
    ...subject,
    database: "SQLite",
    measureStorage: async () => measureSqlite(path),
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The same on PostgreSQL. */
export async function startPeerOnPostgres(peer: Peer, sessions: number): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-peer-"));
  const database = await openPostgresDatabase();
  const { subject, kill } = await start(peer, {
    sessions,
    folder,
    args: [],
    env: { BENCH_DATABASE_URL: database.url },
  });
  return {
    ...subject,
    database: "PostgreSQL",
    measureStorage: () => measurePostgres(database.url),
    async stop() {
      await kill();
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface PeerStart {
  readonly sessions: number;
  readonly folder: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

async function start(peer: Peer, { sessions, folder, args, env }: PeerStart) {
  const tokensPath = join(folder, "tokens.json");
  const port = await freePort();
  const program = fileURLToPath(peer.program);
  const node = await startProcess({
    port,
    readyPath: peer.readyPath,
    args: [
      program,
      "--port",
      `${port}`,
      "--sessions",
      `${sessions}`,
      "--tokens",
      tokensPath,
      ...args,
      ...(peer.args ?? []),
    ],
    env,
    built: true,
  });
  const tokens = JSON.parse(readFileSync(tokensPath, "utf8")) as readonly string[];
  return { subject: { name: peer.name, port, pid: node.pid, wire: peer.wire, tokens }, kill: () => node.kill() };
}
