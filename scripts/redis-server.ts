// A Redis server of one's own, for tests and measurements: on loopback, on a free port, in a temporary folder, gone when
// it is stopped or when the process that started it is, however that ends.
import type { ChildProcessByStdio } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

import { freePort } from "./free-port.ts";

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly version: string;
  /** Kills it with SIGKILL: what is in its folder is what is left. */
  crash(): Promise<void>;
  /** Starts it again on what is in its folder, on the same port. */
  restart(settings?: RedisSettings): Promise<void>;
  /** Freezes it, as a machine that no longer answers, and lets it go on. */
  pause(): void;
  resume(): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** As in redis.conf. */
export type RedisSettings = Readonly<Record<string, string>>;

/** Every write is on the disk before it is answered: what the store asks for. */
const DURABLE: RedisSettings = { save: "", appendonly: "yes", appendfsync: "always" };

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;
const START_ATTEMPTS = 3;

// Says which process the server is. As soon as nobody holds the other end of standard input, the server is killed and its
// folder removed; a line means that the folder is to stay.
const KEEPER = `folder=$1; shift
"$@" 2>&1 & server=$!
echo "pid $server"
read -r line; left=$?
kill -KILL "$server" 2>/dev/null
wait "$server"
[ "$left" -eq 0 ] || rm -rf -- "$folder"`;

const CANDIDATES = [
  process.env["REDIS_SERVER_PATH"],
  "/usr/bin/redis-server",
  "/usr/bin/valkey-server",
  "/usr/local/bin/redis-server",
  "/usr/local/bin/valkey-server",
  "/opt/homebrew/bin/redis-server",
  "/opt/homebrew/bin/valkey-server",
];

/** The path of a redis-server or valkey-server, if there is one. */
export function findRedis(): string | undefined {
  return CANDIDATES.find((path) => path !== undefined && existsSync(path));
}

/** @throws Error that says what is missing where there is no Redis to start */
export async function startRedis(settings: RedisSettings = {}): Promise<RedisServer> {
  const binary = findRedis();
  if (binary === undefined) {
    throw new Error(
      "There is no Redis to start: install redis-server (7 or newer) or Valkey, or name it in REDIS_SERVER_PATH.",
    );
  }
  const folder = mkdtempSync(join(tmpdir(), "latchkey-redis-"));
  try {
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      try {
        return await serve({ binary, folder, port }, { ...DURABLE, ...settings });
      } catch (error) {
        // Another process may have taken the port between its choice and now.
        if (attempt === START_ATTEMPTS) throw error;
      }
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

interface Place {
  readonly binary: string;
  readonly folder: string;
  readonly port: number;
}

async function serve(place: Place, settings: RedisSettings): Promise<RedisServer> {
  let running: Running | undefined = await run(place, settings);
  return {
    url: `redis://127.0.0.1:${place.port}`,
    port: place.port,
    version: spawnSync(place.binary, ["--version"], { encoding: "utf8" }).stdout.trim(),
    async crash() {
      await running?.end("keep\n");
      running = undefined;
    },
    async restart(changed = settings) {
      running = await run(place, { ...DURABLE, ...changed });
    },
    pause: () => running?.signal("SIGSTOP"),
    resume: () => running?.signal("SIGCONT"),
    async stop() {
      await running?.end();
      running = undefined;
      rmSync(place.folder, { recursive: true, force: true });
    },
  };
}

interface Running {
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  end(lastWords?: string): Promise<void>;
}

async function run({ binary, folder, port }: Place, settings: RedisSettings): Promise<Running> {
  const flags = Object.entries({ port: String(port), bind: "127.0.0.1", dir: folder, ...settings });
  const keeper = spawn(
    "/bin/sh",
    ["-c", KEEPER, "sh", folder, binary, ...flags.flatMap(([name, value]) => [`--${name}`, value])],
    // A group of its own: an interrupt at the terminal must not end it before those that use it.
    { stdio: ["pipe", "pipe", "ignore"], detached: true },
  );
  const ended = once(keeper, "exit");
  const end = async (lastWords = ""): Promise<void> => {
    keeper.stdin.end(lastWords);
    const forced = setTimeout(() => keeper.pid !== undefined && process.kill(-keeper.pid, "SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(forced);
  };
  try {
    const pid = await untilReady(keeper);
    keeper.stdout.resume();
    keeper.unref();
    return { signal: (signal) => process.kill(pid, signal), end };
  } catch (error) {
    await end("keep\n");
    throw error;
  }
}

/** Answers the server's process id. */
function untilReady(keeper: ChildProcessByStdio<Writable, Readable, null>): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = (): void => reject(new Error(`Redis did not start: ${text}`));
    const timeout = setTimeout(fail, START_TIMEOUT_MS);
    keeper.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("Ready to accept connections")) resolve(Number(/^pid (\d+)/m.exec(text)?.[1]));
      else if (/Fatal|FATAL|Could not create|Failed listening|aborting/.test(text)) fail();
      else return;
      clearTimeout(timeout);
    });
    keeper.once("exit", fail);
  });
}
