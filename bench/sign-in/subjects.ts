import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { createArgon2Hasher, createSqliteStore, importAccounts } from "@latchkey/server";

import { freePort } from "../../scripts/free-port.ts";
import { startProcess } from "../harness/serve-process.ts";
import { openSqliteFolder } from "../harness/sqlite-folder.ts";
import type { FloodOrder } from "./flood.ts";
import type { UsedSession } from "./using.ts";

/** A server under measurement, with accounts to sign in to and people who are signed in. */
export interface FloodedSubject {
  readonly name: string;
  readonly pid: number;
  /** Of somebody else's, which has to reach no target. */
  readonly isPeer?: boolean;
  readonly flood: Pick<FloodOrder, "port" | "path" | "headers" | "credentials">;
  /** Sessions for one part of a round. */
  sessions(): Promise<readonly UsedSession[]>;
  stop(): Promise<void>;
}

const USERS = 64;
const SESSIONS = 8;
const PASSWORD = "correct horse battery staple";
const CREDENTIALS = Array.from({ length: USERS }, (_, n) => ({ email: `user-${n}@example.com`, password: PASSWORD }));

/** `latchkey serve` on SQLite, as it comes, of this checkout or of another one that has been built. */
export async function startLatchkeySubject(
  options: { readonly checkout?: string; readonly execArgv?: readonly string[] } = {},
): Promise<FloodedSubject> {
  const { checkout, execArgv } = options;
  const dataPath = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const store = openSqliteFolder(dataPath);
  await addUsers(store.databasePath ?? "");
  const maker = await store.createMaker(issuer);
  const node = await store.startNode({
    port,
    issuer,
    built: true,
    execArgv,
    ...(checkout !== undefined && { checkout: pathToFileURL(`${checkout}/`) }),
  });
  return {
    name: checkout === undefined ? "Latchkey" : `Latchkey of ${checkout}`,
    pid: node.pid,
    flood: { port, path: "/auth/login", headers: {}, credentials: CREDENTIALS },
    sessions: () =>
      Promise.all(
        Array.from({ length: SESSIONS }, async () => ({
          kind: "refreshed" as const,
          token: (await maker.make("body")).refreshToken,
        })),
      ),
    async stop() {
      await node.stop();
      await maker.close();
      rmSync(dataPath, { recursive: true, force: true });
    },
  };
}

async function addUsers(databasePath: string): Promise<void> {
  const store = createSqliteStore({ path: databasePath });
  const passwordHash = await createArgon2Hasher().hash(PASSWORD);
  await importAccounts(
    { store, clock: () => Math.floor(Date.now() / 1000) },
    CREDENTIALS.map(({ email }) => ({
      email,
      passwordHash,
      name: null,
      emailVerified: true,
      roles: [],
      disabled: false,
    })),
  );
  await store.close();
}

/** Better Auth on SQLite, as it comes; its sessions are cookies, which are read. */
export async function startBetterAuthSubject(): Promise<FloodedSubject> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-peer-"));
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const cookiesPath = join(folder, "cookies.json");
  const program = fileURLToPath(new URL("../refresh/peers/better-auth/sign-in-server.mjs", import.meta.url));
  const args = ["--port", `${port}`, "--database", join(folder, "peer.db"), "--cookies", cookiesPath];
  const node = await startProcess({
    port,
    readyPath: "/api/auth/ok",
    args: [program, ...args, "--users", `${USERS}`, "--sessions", `${SESSIONS}`, "--password", PASSWORD],
    built: true,
  });
  const cookies = JSON.parse(readFileSync(cookiesPath, "utf8")) as readonly string[];
  return {
    name: "Better Auth",
    isPeer: true,
    pid: node.pid,
    flood: { port, path: "/api/auth/sign-in/email", headers: { Origin: origin }, credentials: CREDENTIALS },
    sessions: async () => cookies.map((cookie) => ({ kind: "read", path: "/api/auth/get-session", cookie })),
    async stop() {
      await node.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
