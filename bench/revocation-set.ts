/**
 * What a million live revocations cost a verifier that follows a feed: memory, pauses, and verifications a second.
 *
 *     npm run bench:revocation-set [-- --quick] [-- --json FILE]
 *
 * The authority is a process of its own. Two verifiers follow, one an empty feed and one a full one; they take turns, and
 * ratios are medians of the ratios within a round.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";

import { createVerifier, type Verifier, type VerifierOptions } from "@latchkey/verifier";

import { readFlags } from "./harness/flags.ts";
import type { Result } from "./harness/report.ts";
import { median } from "./harness/statistics.ts";
import { AUDIENCE, type FeedCommand, type FeedReply } from "./revocation-set/feed-process.ts";

interface Feed {
  readonly process: ChildProcess;
  readonly issuer: string;
  readonly tokens: readonly string[];
}

const HELP = `Measures what a million live revocations cost a verifier.

  --quick      5 rounds of 50 ms: took 2 minutes on two busy cores, most of it the million (default: 21 of 150 ms)
  --json FILE  writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, { quick: { type: "boolean", default: false } });
const ENTRIES = 1_000_000;
const ROUNDS = flags.quick ? 5 : 21;
const ROUND_MS = flags.quick ? 50 : 150;
const START = Math.floor(Date.now() / 1000);
const UNTIL = START + 720;
let now = START;
const results: Result[] = [];

async function ask(child: ChildProcess, command: FeedCommand): Promise<FeedReply> {
  child.send(command);
  const [reply] = (await once(child, "message")) as [FeedReply];
  return reply;
}

async function startFeed(entries: number): Promise<Feed> {
  const child = fork(new URL("revocation-set/feed-process.ts", import.meta.url));
  const { issuer = "" } = await ask(child, { type: "start", entries, now: START, until: UNTIL });
  const { tokens = [] } = await ask(child, { type: "tokens", count: 256 });
  return { process: child, issuer, tokens };
}

async function follow(feed: Feed, options: Partial<VerifierOptions> = {}): Promise<Verifier> {
  const verifier = createVerifier({ issuer: feed.issuer, audience: AUDIENCE, clock: () => now, ...options });
  await verifier.ready();
  return verifier;
}

interface Memory {
  readonly heap: number;
  readonly buffers: number;
  readonly rss: number;
}

async function measureMemory(): Promise<Memory> {
  for (let time = 0; time < 4; time += 1) {
    globalThis.gc?.();
    await sleep(100);
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed / 1e6, buffers: arrayBuffers / 1e6, rss: rss / 1e6 };
}

interface Turns {
  /** What the main thread computed, its part of garbage collections included, in seconds. */
  readonly seconds: number;
  /** The same, of single turns of the event loop, in milliseconds: unlike the time they took, it is not the other programs'. */
  readonly p99: number;
  readonly longest: number;
}

/** How long requests would have to wait while something goes on. */
async function measureTurns(work: Promise<unknown>): Promise<Turns> {
  const turns: number[] = [];
  let isDone = false;
  const finished = work.finally(() => {
    isDone = true;
  });
  const first = cpuMilliseconds();
  let began = first;
  while (!isDone) {
    await new Promise((resolve) => {
      setTimeout(resolve, 0);
    });
    const ended = cpuMilliseconds();
    turns.push(ended - began);
    began = ended;
  }
  await finished;
  turns.sort((a, b) => a - b);
  const seconds = (cpuMilliseconds() - first) / 1000;
  return { seconds, p99: turns[Math.floor(turns.length * 0.99)] ?? 0, longest: turns.at(-1) ?? 0 };
}

function cpuMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

async function countVerifications(verifier: Verifier, tokens: readonly string[]): Promise<number> {
  const began = cpuMilliseconds();
  let count = 0;
  while (cpuMilliseconds() - began < ROUND_MS) {
    const turn = cpuMilliseconds();
    while (cpuMilliseconds() - turn < ROUND_MS / 10) {
      for (const token of tokens) await verifier.verify(token);
      count += tokens.length;
    }
    await setImmediate(); // for the feed
  }
  return (count / (cpuMilliseconds() - began)) * 1000;
}

/** How fast the first is, and how much slower the second, in percent. */
async function compare(
  one: readonly [Verifier, Feed],
  other: readonly [Verifier, Feed],
): Promise<{ readonly speed: number; readonly slower: number }> {
  const speeds: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS + 2; round += 1) {
    const inOrder = round % 2 === 0;
    const first = await countVerifications(...pairOf(inOrder ? one : other));
    const second = await countVerifications(...pairOf(inOrder ? other : one));
    const [base, compared] = inOrder ? [first, second] : [second, first];
    if (round < 2) continue; // for the compiler
    speeds.push(base);
    ratios.push(compared / base);
  }
  return { speed: median(speeds), slower: (1 - median(ratios)) * 100 };
}

async function compareThroughput(name: string, tokenCache: VerifierOptions["tokenCache"]): Promise<void> {
  const [none, all] = [await follow(empty, { tokenCache }), await follow(full, { tokenCache })];
  const { speed, slower } = await compare([none, empty], [all, full]);
  report({ name: `${name}, no entries`, value: speed, unit: "verifications/s", holds: true });
  report({
    name: `${name}, slower with ${ENTRIES} entries`,
    value: slower,
    unit: "%",
    target: "≤ 5",
    holds: slower <= 5,
  });
  // As often as an authority tells, at most: each batch is verified, and then every token is looked for anew.
  await ask(full.process, { type: "flow", everyMs: 20 });
  const busy = await compare([none, empty], [all, full]);
  report({ name: `${name}, slower with 50 batches a second besides`, value: busy.slower, unit: "%", holds: true });
  await ask(full.process, { type: "flow", everyMs: 2 ** 30 });
  none.close();
  all.close();
}

function pairOf([verifier, feed]: readonly [Verifier, Feed]): [Verifier, readonly string[]] {
  return [verifier, feed.tokens];
}

function report(result: Result): void {
  results.push(result);
  const { name, value, unit, target, holds } = result;
  const shown = value >= 1000 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
  process.stdout.write(`${holds ? " " : "✗"} ${name}: ${shown} ${unit}${target === undefined ? "" : ` (${target})`}\n`);
}

const empty = await startFeed(0);
const full = await startFeed(ENTRIES);
const withNone = await follow(empty);
await countVerifications(withNone, empty.tokens);

const idle = await measureTurns(sleep(2000));
const before = await measureMemory();
const following = follow(full);
const loading = await measureTurns(following);
const withAll = await following;
const after = await measureMemory();

const entries = withAll.status().revocation.entries;
if (entries !== ENTRIES) throw new Error(`${entries} entries were taken in.`);
const heap = after.heap - before.heap;
const held = Math.max(0, heap) + after.buffers - before.buffers;
report({ name: "heap, more than before", value: heap, unit: "MB", holds: true });
report({ name: "memory held", value: held, unit: "MB", target: "≤ 60", holds: held <= 60 });
report({ name: "memory held, an entry", value: (held * 1e6) / ENTRIES, unit: "bytes", holds: true });
const rss = after.rss - before.rss;
report({ name: "resident memory, more than before", value: rss, unit: "MB", target: "≤ 100", holds: rss <= 100 });
report({ name: "taking in the snapshot", value: loading.seconds, unit: "s of computing", holds: true });
report({ name: "taking in the snapshot, an entry", value: (loading.seconds * 1e6) / ENTRIES, unit: "µs", holds: true });
report({ name: "turn of the event loop (computing), idle, 99 %", value: idle.p99, unit: "ms", holds: true });
report({ name: "turn of the event loop (computing), idle, longest", value: idle.longest, unit: "ms", holds: true });
report({ name: "turn while taking it in, 99 %", value: loading.p99, unit: "ms", holds: true });
report({ name: "turn while taking it in, longest", value: loading.longest, unit: "ms", holds: true });

await compareThroughput("remembered tokens", {});
await compareThroughput("other tokens", false);

now = UNTIL + 1;
async function forgetAll(): Promise<void> {
  while (withAll.status().revocation.entries > 0) {
    await ask(full.process, { type: "beat", now, times: 1 });
    await sleep(5);
  }
}
const forgetting = await measureTurns(forgetAll());
report({ name: "turn while all is forgotten, 99 %", value: forgetting.p99, unit: "ms", holds: true });
report({ name: "turn while all is forgotten, longest", value: forgetting.longest, unit: "ms", holds: true });
const left = await measureMemory();
report({
  name: "memory held when all is forgotten",
  value: Math.max(0, left.heap - before.heap) + left.buffers - before.buffers,
  unit: "MB",
  holds: true,
});

withNone.close();
withAll.close();
for (const feed of [empty, full]) feed.process.disconnect();
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(results, undefined, 2)}\n`);
process.exitCode = results.every(({ holds }) => holds) ? 0 : 1;
