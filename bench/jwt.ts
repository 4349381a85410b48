/**
 * How fast `@latchkey/jwt` verifies and signs, against the libraries people use and against the bare call of node:crypto.
 *
 *     npm run bench:jwt [-- --quick] [-- --json FILE]
 *
 * Each library runs in its own process; in each round every library does every operation once, in a shuffled order, and
 * only one of them at a time. Rounds are short, so that both sides of a ratio meet the machine in one mood, and many. After some
 * rounds all processes are started anew: where a process happens to lie in memory makes it a few percent quicker or slower for
 * as long as it lives. Medians and best rounds are reported; ratios, and so the targets, are medians of the ratios within a round.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { readFlags } from "./harness/flags.ts";
import type { Result } from "./harness/report.ts";
import { median, medianRatio, shuffle } from "./harness/statistics.ts";
import { libraryNames, type LibraryName, nativePeers, peerNames } from "./jwt/library.ts";
import type { Reply, Request } from "./jwt/worker.ts";
import {
  algorithms,
  type BenchAlgorithm,
  createWorkloads,
  type Operation,
  operations,
  type Workloads,
} from "./jwt/workload.ts";

interface Worker {
  readonly process: ChildProcess;
  readonly algorithms: readonly BenchAlgorithm[];
}

interface Task {
  readonly library: LibraryName;
  readonly alg: BenchAlgorithm;
  readonly operation: Operation;
  readonly worker: Worker;
}

const HELP = `Measures verifying and signing, beside other libraries and the bare call of node:crypto.

  --quick      one start of the processes, 5 rounds (default: 5 starts, 9 rounds each; eight minutes)
  --json FILE  writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, { quick: { type: "boolean", default: false } });
const starts = flags.quick ? 1 : 5;
const roundsPerStart = flags.quick ? 5 : 9;
// Long enough for the garbage of each library to be collected within its own rounds: a process that waits is tidied up for free.
const milliseconds = 40;
// The first round of each start is for the compiler and is not counted.
const warmUpMilliseconds = flags.quick ? 60 : 200;

async function ask(child: ChildProcess, request: Request): Promise<Reply> {
  child.send(request);
  const [reply] = (await once(child, "message")) as [Reply];
  return reply;
}

async function askFigure(worker: Worker, request: Request): Promise<number> {
  const reply = await ask(worker.process, request);
  return reply.type === "figure" ? reply.figure : 0;
}

async function startWorkers(workloads: Workloads): Promise<ReadonlyMap<LibraryName, Worker>> {
  const workers = new Map<LibraryName, Worker>();
  for (const library of libraryNames) {
    const child = fork(new URL("jwt/worker.ts", import.meta.url), {
      execArgv: ["--conditions=@latchkey/source", "--expose-gc"],
    });
    child.on("exit", (code) => {
      if (code !== 0 && code !== null) process.exit(code);
    });
    const reply = await ask(child, { type: "prepare", library, workloads });
    workers.set(library, { process: child, algorithms: reply.type === "ready" ? reply.algorithms : [] });
  }
  return workers;
}

const figures = new Map<string, number[]>();
const bytes = new Map<string, number>();
const cached = new Map<LibraryName, number[]>();
const keyOf = (library: LibraryName, alg: BenchAlgorithm, operation: Operation) => `${library} ${alg} ${operation}`;
const figuresOf = (library: LibraryName, alg: BenchAlgorithm, operation: Operation) =>
  figures.get(keyOf(library, alg, operation)) ?? [];

async function measureRounds(workers: ReadonlyMap<LibraryName, Worker>): Promise<void> {
  const tasks: readonly Task[] = [...workers].flatMap(([library, worker]) =>
    worker.algorithms.flatMap((alg) => operations.map((operation) => ({ library, alg, operation, worker }))),
  );
  for (let round = -1; round < roundsPerStart; round++) {
    // All libraries of one task follow each other closely, so that the machine's mood is the same for them.
    for (const alg of shuffle(algorithms)) {
      for (const operation of shuffle(operations)) {
        for (const task of shuffle(tasks.filter((one) => one.alg === alg && one.operation === operation))) {
          const figure = await askFigure(task.worker, { type: "measure", alg, operation, milliseconds: spanOf(round) });
          if (round >= 0) push(figures, keyOf(task.library, alg, operation), figure);
        }
      }
    }
  }
  for (let round = -1; round < roundsPerStart; round++) {
    for (const library of shuffle(["latchkey", "fast-jwt"] as const)) {
      const worker = workers.get(library);
      if (worker === undefined) continue;
      const figure = await askFigure(worker, { type: "measure-cached", milliseconds: spanOf(round) });
      if (round >= 0) push(cached, library, figure);
    }
  }
}

function spanOf(round: number): number {
  return round < 0 ? warmUpMilliseconds : milliseconds;
}

function push<Key>(lists: Map<Key, number[]>, key: Key, figure: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [figure]);
  else list.push(figure);
}

async function measureAllocations(workers: ReadonlyMap<LibraryName, Worker>): Promise<void> {
  for (const [library, worker] of workers) {
    for (const alg of worker.algorithms) {
      if (library !== "floor") bytes.set(`${library} ${alg}`, await askFigure(worker, { type: "allocate", alg }));
    }
  }
}

const workloads = createWorkloads();
for (let start = 1; start <= starts; start++) {
  const workers = await startWorkers(workloads);
  await measureRounds(workers);
  if (start === starts) await measureAllocations(workers);
  for (const { process: child } of workers.values()) child.disconnect();
  if (starts > 1) process.stderr.write(`start ${start} of ${starts} measured\n`);
}

const results: Result[] = [];

function bestPeer(alg: BenchAlgorithm, operation: Operation): LibraryName {
  // EdDSA of a native add-on uses another implementation of the curve: compared with, but not a target.
  const candidates = peerNames.filter(
    (name) => figuresOf(name, alg, operation).length > 0 && (alg !== "EdDSA" || !nativePeers.includes(name)),
  );
  return (
    candidates.toSorted(
      (one, other) => median(figuresOf(other, alg, operation)) - median(figuresOf(one, alg, operation)),
    )[0] ?? "jose"
  );
}

function report(result: Omit<Result, "holds">, holds = true): void {
  results.push({ ...result, holds });
}

function reportAtLeast(
  result: { name: string; value: number; unit: string; peer: string; ratio: number },
  target: number,
): void {
  report({ ...result, target: `>= ${target}` }, result.ratio >= target);
}

const ofFloor = { HS256: 0.9, RS256: 0.88, PS256: 0.87, ES256: 0.94, EdDSA: 0.94 } as const;
const ofPeerVerify = { HS256: 2.1, RS256: 1.2, PS256: 1.75, ES256: 1.05, EdDSA: 1.02 } as const;
const ofPeerSign = { HS256: 1.9, RS256: 1, PS256: 1, ES256: 1.05, EdDSA: 1.05 } as const;

for (const alg of algorithms) {
  for (const operation of operations) {
    for (const library of libraryNames) {
      const rates = figuresOf(library, alg, operation);
      if (rates.length === 0 || (library === "floor" && operation !== "verify" && operation !== "sign")) continue;
      report({ name: `${operation} ${alg} ${library}`, value: Math.round(median(rates)), unit: "/s" });
      report({ name: `${operation} ${alg} ${library} best round`, value: Math.round(Math.max(...rates)), unit: "/s" });
    }
  }
  const verify = figuresOf("latchkey", alg, "verify");
  const value = Math.round(median(verify));
  const floorRatio = medianRatio(verify, figuresOf("floor", alg, "verify"));
  reportAtLeast(
    { name: `verify ${alg} against the floor`, value, unit: "/s", peer: "floor", ratio: floorRatio },
    ofFloor[alg],
  );
  const peer = bestPeer(alg, "verify");
  const peerRatio = medianRatio(verify, figuresOf(peer, alg, "verify"));
  reportAtLeast(
    { name: `verify ${alg} against the best peer`, value, unit: "/s", peer, ratio: peerRatio },
    ofPeerVerify[alg],
  );
  const sign = figuresOf("latchkey", alg, "sign");
  const signPeer = bestPeer(alg, "sign");
  const signRatio = medianRatio(sign, figuresOf(signPeer, alg, "sign"));
  const signValue = Math.round(median(sign));
  report({
    name: `sign ${alg} against the floor`,
    value: signValue,
    unit: "/s",
    peer: "floor",
    ratio: medianRatio(sign, figuresOf("floor", alg, "sign")),
  });
  reportAtLeast(
    { name: `sign ${alg} against the best peer`, value: signValue, unit: "/s", peer: signPeer, ratio: signRatio },
    ofPeerSign[alg],
  );
  const rejected = figuresOf("latchkey", alg, "wrong-signature");
  const cost = medianRatio(verify, rejected);
  report(
    {
      name: `wrong signature ${alg}: cost against accepting`,
      value: Math.round(median(rejected)),
      unit: "/s",
      peer: "own verify",
      ratio: cost,
      target: "<= 1.1",
    },
    cost <= 1.1,
  );
  const expired = figuresOf("latchkey", alg, "expired");
  report({
    name: `expired ${alg}: cost against accepting`,
    value: Math.round(median(expired)),
    unit: "/s",
    peer: "own verify",
    ratio: medianRatio(verify, expired),
  });
  for (const library of ["latchkey", ...peerNames] as const) {
    const perVerify = bytes.get(`${library} ${alg}`);
    if (perVerify === undefined) continue;
    const result = { name: `bytes per verify ${alg} ${library}`, value: Math.round(perVerify), unit: "B" };
    if (library === "latchkey") report({ ...result, target: "<= 1500" }, perVerify <= 1500);
    else report(result);
  }
}

const ownCache = cached.get("latchkey") ?? [];
const peerCache = cached.get("fast-jwt") ?? [];
const hits = Math.round(median(ownCache));
report({ name: "hit of the verified-token cache HS256", value: hits, unit: "/s", target: ">= 2500000" }, hits >= 2.5e6);
reportAtLeast(
  {
    name: "hit of the verified-token cache HS256 against the peer's",
    value: hits,
    unit: "/s",
    peer: "fast-jwt",
    ratio: medianRatio(ownCache, peerCache),
  },
  5,
);

print();
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
process.exitCode = results.every(({ holds }) => holds) ? 0 : 1;

function print(): void {
  console.log(
    `Node.js ${process.version}, ${cpus()[0]?.model ?? "unknown processor"} × ${cpus().length}, ${starts} × ${roundsPerStart} rounds of ${milliseconds} ms\n`,
  );
  for (const operation of operations) {
    console.log(`${operation}, median per second`);
    console.log(["".padEnd(24), ...algorithms.map((alg) => alg.padStart(10))].join(""));
    for (const library of libraryNames) {
      if (library === "floor" && operation !== "verify" && operation !== "sign") continue;
      const cells = algorithms.map((alg) => {
        const rates = figuresOf(library, alg, operation);
        return (rates.length === 0 ? "–" : Math.round(median(rates)).toLocaleString("en")).padStart(10);
      });
      console.log([library.padEnd(24), ...cells].join(""));
    }
    console.log();
  }
  console.log("bytes allocated per verify");
  for (const library of ["latchkey", ...peerNames] as const) {
    const cells = algorithms.map((alg) => {
      const perVerify = bytes.get(`${library} ${alg}`);
      return (perVerify === undefined ? "–" : Math.round(perVerify).toLocaleString("en")).padStart(10);
    });
    console.log([library.padEnd(24), ...cells].join(""));
  }
  console.log();
  for (const { name, peer, ratio: figure, target, value, unit, holds } of results) {
    if (target === undefined) continue;
    const measured = figure === undefined ? `${value} ${unit}` : `${figure.toFixed(2)} × ${peer ?? ""}`;
    console.log(`${holds ? "holds " : "MISSED"}  ${name.padEnd(48)} ${measured.padEnd(32)} ${target}`);
  }
}
