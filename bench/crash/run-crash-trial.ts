import { setTimeout as sleep } from "node:timers/promises";

import { openConnection } from "../harness/http-connection.ts";
import { createSeededRandom } from "../harness/seeded-random.ts";
import type { ServeProcess } from "../harness/serve-process.ts";
import { freePort } from "../../scripts/free-port.ts";
import type { SharedStore } from "../harness/shared-store.ts";
import type { CrashClient, RefreshAnswer } from "./crash-client.ts";
import { askRefresh, createCrashClient } from "./crash-client.ts";
import { replayAll, replayRecent } from "./replay.ts";
import { cutLog, readLogPosition } from "./write-ahead-log.ts";

export interface CrashTrialOptions {
  readonly seed: string;
  readonly rounds: number;
  readonly maxSeconds: number;
  readonly clients: number;
  /** What is killed: the server, or the process that keeps its sessions. */
  readonly kills: "server" | "database";
  readonly onProgress?: (round: number) => void;
}

export interface CrashTrialOutcome {
  readonly rounds: number;
  readonly refreshes: number;
  /** Requests that were under way when the server was killed, all rounds together. */
  readonly cutOff: number;
  /** Rounds after which the log lost its end as well, and how many commits were lost to that. */
  readonly powerCuts: number;
  readonly framesLost: number;
  /** How often a session was found behind its client: a crash had forgotten rotations, and it rolled forward. */
  readonly rolledForward: number;
  readonly replayed: number;
  readonly thieves: number;
  readonly thievesCaught: number;
  readonly signedOut: readonly string[];
  readonly spentTwice: readonly string[];
  readonly seconds: number;
}

/** Every so many rounds a thief is planted, and after every so many the power goes as well. */
const THIEF_EVERY = 5;
const POWER_CUT_EVERY = 3;
/** Time for clients to go on while the database is away and after it is back. */
const RECOVERY_TIMEOUT_MS = 20_000;

/** Clients that never stop refreshing, and a server, or the database behind it, killed again and again. */
export async function runCrashTrial(store: SharedStore, options: CrashTrialOptions): Promise<CrashTrialOutcome> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const random = createSeededRandom(options.seed);
  const maker = await store.createMaker(issuer);
  const newClient = async (name: string): Promise<CrashClient> => {
    const { refreshToken } = await maker.make("body");
    return createCrashClient({ name, refreshToken, port, random: random.fork(name) });
  };
  const clients = await Promise.all(Array.from({ length: options.clients }, (_, n) => newClient(`client ${n}`)));
  const victims = await Promise.all(
    Array.from({ length: Math.ceil(options.rounds / THIEF_EVERY) }, (_, n) => newClient(`victim ${n}`)),
  );
  await maker.close();

  const started = performance.now();
  const spentTwice: string[] = [];
  let [rounds, cutOff, powerCuts, framesLost, replayed, thieves, thievesCaught] = [0, 0, 0, 0, 0, 0, 0];
  let server: ServeProcess | undefined;
  const start = async (): Promise<ServeProcess> => (server ??= await store.startNode({ port, issuer }));
  const killServer = async (): Promise<void> => {
    await server?.kill();
    server = undefined;
  };
  try {
    for (; rounds < options.rounds && performance.now() - started < options.maxSeconds * 1000; rounds++) {
      const safe = store.databasePath === undefined ? undefined : readLogPosition(store.databasePath);
      await start();
      const cutsPower = safe !== undefined && rounds % POWER_CUT_EVERY === POWER_CUT_EVERY - 1;
      const victim = rounds % THIEF_EVERY === 0 ? victims[rounds / THIEF_EVERY] : undefined;
      // A revocation is forced to the disk, and with it all before: no power cut in the round that has one.
      const robbed = victim !== undefined && !cutsPower;

      for (const client of clients) {
        const outcome = await replayRecent(client, port);
        replayed += outcome.replayed;
        spentTwice.push(...outcome.faults);
      }
      const loaded = robbed ? [...clients, victim] : clients;
      for (const client of loaded) client.start();
      await sleep(random.between(120, 500));
      if (robbed) await waitFor(() => victim.refreshes >= 2, 5_000);
      cutOff += clients.filter((client) => client.underWay).length;
      if (options.kills === "server") await killServer();
      else await crashDatabase(store);
      await Promise.all(loaded.map((client) => client.pause()));

      if (cutsPower && store.databasePath !== undefined) {
        const lost = cutLog(store.databasePath, safe, random.next());
        powerCuts += lost > 0 ? 1 : 0;
        framesLost += lost;
      }
      if (robbed) {
        await start();
        thieves += 1;
        if (await isThiefCaught(victim, port)) thievesCaught += 1;
        if (options.kills === "server") await killServer();
      }
      options.onProgress?.(rounds + 1);
    }

    await start();
    const signedOut = await findSignedOut(clients);
    for (const client of clients) {
      const outcome = await replayAll(client, port);
      replayed += outcome.replayed;
      spentTwice.push(...outcome.faults);
    }
    const refreshes = clients.reduce((sum, client) => sum + client.refreshes, 0);
    const seconds = (performance.now() - started) / 1000;
    return {
      rounds,
      refreshes,
      cutOff,
      powerCuts,
      framesLost,
      rolledForward: await countRolledForward(store, issuer),
      replayed,
      thieves,
      thievesCaught,
      signedOut,
      spentTwice,
      seconds,
    };
  } finally {
    await Promise.all([...clients, ...victims].map((client) => client.pause()));
    await killServer();
  }
}

async function crashDatabase({ database, name }: SharedStore): Promise<void> {
  if (database === undefined) throw new Error(`${name} has no process of its own to kill.`);
  await database.crash();
  await database.restart();
}

/**
 * A copy from before a crash is used after it: that must end the session, for the thief and for the owner. Where the crash has
 * forgotten that the copied token was used, the thief is served as its owner would be, until the owner comes.
 */
async function isThiefCaught(victim: CrashClient, port: number): Promise<boolean> {
  const copy = victim.held.at(-2);
  const live = victim.held.at(-1);
  if (copy === undefined || live === undefined) return false;
  const ask = (refreshToken: string, keys: readonly string[]): Promise<RefreshAnswer> =>
    untilAnswered(() => askOnce(port, refreshToken, keys));
  const thief = await ask(copy.refreshToken, [`gen-${copy.generation}-of-the-thief`, ...copy.keys.slice(1)]);
  const owner = await ask(live.refreshToken, live.keys);
  const again = "refused" in thief ? thief : await ask(thief.refreshToken, []);
  return "refused" in again && "refused" in owner && owner.refused === "401 session_ended";
}

async function askOnce(port: number, refreshToken: string, keys: readonly string[]): Promise<RefreshAnswer> {
  const connection = openConnection(port);
  try {
    return await askRefresh(connection, refreshToken, keys);
  } finally {
    connection.abort();
  }
}

/** The server may still be finding out that its database is back. */
async function untilAnswered<Result>(ask: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + RECOVERY_TIMEOUT_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(20);
    }
  }
}

/** Every client goes on once more; those that cannot were signed out. */
async function findSignedOut(clients: readonly CrashClient[]): Promise<readonly string[]> {
  const signedOut: string[] = [];
  const before = clients.map((client) => client.refreshes);
  for (const client of clients) client.start();
  await waitFor(
    () => clients.every((client, n) => client.ended !== undefined || client.refreshes > (before[n] ?? 0)),
    20_000,
  );
  for (const [n, client] of clients.entries()) {
    await client.pause();
    if (client.ended !== undefined) signedOut.push(`${client.name}: ${client.ended}`);
    else if (client.refreshes <= (before[n] ?? 0)) signedOut.push(`${client.name}: no answer`);
  }
  return signedOut;
}

/** How many rotations the event log tells of that went on from ahead of the row. */
async function countRolledForward(store: SharedStore, issuer: string): Promise<number> {
  const maker = await store.createMaker(issuer);
  try {
    return await maker.countEvents("refresh_rolled_forward");
  } finally {
    await maker.close();
  }
}

async function waitFor(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition() && performance.now() < deadline) await sleep(5);
}
