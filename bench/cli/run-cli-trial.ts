import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { createClient, createFileStore } from "@latchkey/client/node";

import { freePort } from "../../scripts/free-port.ts";
import type { SeededRandom } from "../harness/seeded-random.ts";
import { createSeededRandom } from "../harness/seeded-random.ts";
import { startLatchkey } from "../harness/serve-process.ts";
import { watchStore } from "./store-watch.ts";

export interface CliTrialOptions {
  readonly seed: string;
  readonly processes: number;
  /** Of each process, however often it is killed meanwhile. */
  readonly refreshes: number;
  readonly lock: boolean;
  readonly maxSeconds: number;
}

export interface CliTrialOutcome {
  /** Refreshes that a process asked for and got, by itself or by another process. */
  readonly refreshes: number;
  /** How often the session has rotated. */
  readonly rotations: number;
  readonly processesKilled: number;
  readonly serverKilled: number;
  /** The longest that anybody waited for a refresh while the server may have been down, in milliseconds. */
  readonly longestWaitMs: number;
  readonly signOuts: number;
  readonly storeReads: number;
  readonly storeFaults: readonly string[];
  /** Whether a new process gets a token of the very session at the end. */
  readonly goesOn: boolean;
  readonly filesLeft: readonly string[];
  readonly seconds: number;
}

const WORKER = fileURLToPath(new URL("cli-worker.ts", import.meta.url));
const USER = { email: "ada@example.com", password: "correct horse battery staple" };

/** Many processes of one user on one folder, killed again and again, and now and then the server with them. */
export async function runCliTrial(options: CliTrialOptions): Promise<CliTrialOutcome> {
  const dataPath = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
  const folder = join(dataPath, "credentials");
  const compileCache = join(dataPath, "compile-cache");
  const random = createSeededRandom(options.seed);
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const started = performance.now();
  const deadline = started + options.maxSeconds * 1_000;
  let server = await startLatchkey({ dataPath: join(dataPath, "authority"), port, issuer });
  const slots: Slot[] = [];
  const endAll = (): Promise<unknown> => Promise.all(slots.map((slot) => slot.end()));
  // Whatever ends this program must not leave its processes behind.
  const onExit = (): void => void endAll();
  process.once("exit", onExit);
  try {
    const store = createFileStore({ folder });
    const owner = createClient({ issuer, store });
    await owner.signUp(USER);
    const session = await owner.signIn(USER);
    owner.close();

    const watch = watchStore(store);
    for (let n = 0; n < options.processes; n++) {
      slots.push(createSlot([issuer, folder], { ...options, compileCache }, random.fork(`process ${n}`)));
    }
    const isDone = (): boolean =>
      performance.now() > deadline || slots.every((slot) => slot.left === 0 || slot.signOuts > 0);

    const serverKilled = await killNowAndThen(random.fork("server"), isDone, async () => {
      await server.kill();
      server = await startLatchkey({ dataPath: join(dataPath, "authority"), port, issuer });
    });
    await endAll();
    watch.stop();

    const next = createClient({ issuer, store });
    const state = await next.refresh();
    next.close();
    return {
      refreshes: options.processes * options.refreshes - sum(slots.map((slot) => slot.left)),
      rotations: watch.generation,
      processesKilled: sum(slots.map((slot) => slot.kills)),
      serverKilled,
      longestWaitMs: Math.max(...slots.map((slot) => slot.longestWaitMs)),
      signOuts: sum(slots.map((slot) => slot.signOuts)),
      storeReads: watch.reads,
      storeFaults: watch.faults,
      goesOn: state.status === "fresh" && state.session.id === session.id,
      filesLeft: readdirSync(folder),
      seconds: (performance.now() - started) / 1_000,
    };
  } finally {
    await endAll();
    process.removeListener("exit", onExit);
    await server.kill();
    rmSync(dataPath, { recursive: true, force: true });
  }
}

/** One of the processes, and those that take its place. */
interface Slot {
  readonly left: number;
  readonly kills: number;
  readonly signOuts: number;
  readonly longestWaitMs: number;
  /** Ends it for good, at once; the promise is of its being gone. */
  end(): Promise<void>;
}

/** After one in so many of its refreshes a process is killed, somewhere in the next one or two. */
const KILL_CHANCE = 1 / 8;
const LONGEST_FUSE_MS = 150;

function createSlot(
  place: readonly string[],
  options: CliTrialOptions & { readonly compileCache: string },
  random: SeededRandom,
): Slot {
  let [left, kills, signOuts, longestWaitMs] = [options.refreshes, 0, 0, 0];
  let child: ChildProcess;
  let gone: Promise<unknown>;
  let ended = false;

  const start = (): void => {
    const mine = spawn(
      process.execPath,
      [
        "--conditions=@latchkey/source",
        "--disable-warning=ExperimentalWarning",
        WORKER,
        ...place,
        String(left),
        options.lock ? "lock" : "no-lock",
      ],
      // They start again so often that compiling them would be most of the work.
      { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NODE_COMPILE_CACHE: options.compileCache } },
    );
    child = mine;
    let fuse: NodeJS.Timeout | undefined;
    const lines = createInterface({ input: mine.stdout });
    lines.on("line", (line) => {
      const [word, ms] = line.split(" ");
      if (word === "refreshed") left -= 1;
      else signOuts += 1;
      longestWaitMs = Math.max(longestWaitMs, Number(ms ?? 0));
      if (random.chance(KILL_CHANCE))
        fuse ??= setTimeout(() => mine.kill("SIGKILL"), random.between(0, LONGEST_FUSE_MS));
    });
    const isGone = async (): Promise<void> => {
      await Promise.all([once(mine, "exit"), once(lines, "close")]);
      clearTimeout(fuse);
      if (!ended && mine.signalCode === "SIGKILL") kills += 1;
      if (!ended && left > 0 && signOuts === 0) start();
    };
    gone = isGone();
  };
  start();

  return {
    get left() {
      return left;
    },
    get kills() {
      return kills;
    },
    get signOuts() {
      return signOuts;
    },
    get longestWaitMs() {
      return longestWaitMs;
    },
    async end() {
      ended = true;
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** Every three to eight seconds. */
async function killNowAndThen(random: SeededRandom, isDone: () => boolean, kill: () => Promise<void>): Promise<number> {
  for (let killed = 0; ; killed++) {
    const next = performance.now() + random.between(3_000, 8_000);
    while (performance.now() < next && !isDone()) await sleep(10);
    if (isDone()) return killed;
    await kill();
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
