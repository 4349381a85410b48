// One library in a process of its own, so that no other one's garbage or type feedback is measured with it. It does what the parent tells it, and
// nothing in between.
import { memoryUsage } from "node:process";
import type { LibraryName, Subject } from "./library.ts";
import { subjects } from "./subjects.ts";
import { algorithms, type BenchAlgorithm, type Operation, tokenCount, type Workloads } from "./workload.ts";

export type Request =
  | { readonly type: "prepare"; readonly library: LibraryName; readonly workloads: Workloads }
  | {
      readonly type: "measure";
      readonly alg: BenchAlgorithm;
      readonly operation: Operation;
      readonly milliseconds: number;
    }
  | { readonly type: "measure-cached"; readonly milliseconds: number }
  | { readonly type: "allocate"; readonly alg: BenchAlgorithm };

/** Operations per second, or bytes per operation. */
export type Reply =
  | { readonly type: "ready"; readonly algorithms: readonly BenchAlgorithm[] }
  | { readonly type: "figure"; readonly figure: number };

const ready = new Map<
  BenchAlgorithm,
  { readonly subject: Subject; readonly run: Readonly<Record<Operation, (at: number) => unknown>> }
>();

async function prepare(library: LibraryName, workloads: Workloads): Promise<void> {
  for (const alg of algorithms) {
    const workload = workloads[alg];
    const subject = await subjects[library](alg, workload);
    if (subject === undefined) continue;
    const { verify, sign } = subject;
    const { tokens, claims } = workload;
    const reject = (list: readonly string[]) => (at: number) => {
      try {
        const result = verify(list[at] ?? "");
        return result instanceof Promise ? result.then(assertFloor, swallow) : assertFloor();
      } catch (error) {
        return swallow(error);
      }
    };
    const assertFloor = () => {
      if (library !== "floor") throw new TypeError(`${library} accepts a bad ${alg} token`);
    };
    const run = {
      verify: (at: number) => verify(tokens.verify[at] ?? ""),
      sign: (at: number) => sign(claims[at] ?? {}),
      "wrong-signature": reject(tokens["wrong-signature"]),
      expired: reject(tokens.expired),
    };
    await check(library, alg, run);
    ready.set(alg, { subject, run });
    if (alg === "HS256")
      copies = Array.from({ length: 16 * tokenCount }, (_, at) => copyOf(tokens.verify[at % tokenCount] ?? ""));
  }
}

/** Copies of the tokens that share no memory with each other: a request brings its token as a string never seen before. */
let copies: readonly string[] = [];

function copyOf(token: string): string {
  return Buffer.from(token).toString("latin1");
}

function measureCached(milliseconds: number): number {
  const verify = ready.get("HS256")?.subject.verifyCached;
  if (verify === undefined) return 0;
  let count = 0;
  const clock = startClock(false);
  let spent = 0;
  while (spent < milliseconds) {
    for (let step = 0; step < 4096; step++) verify(copies[count++ % copies.length] ?? "");
    spent = clock();
  }
  return (count * 1000) / spent;
}

/**
 * Milliseconds of processor time from now on: on a machine that others use, the time on the wall says how busy it is. What waits for
 * threads of its own (jose) is charged for those, too.
 */
function startClock(waits: boolean): () => number {
  const usage = (since?: NodeJS.CpuUsage) => (waits ? process.cpuUsage(since) : process.threadCpuUsage(since));
  const start = usage();
  return () => {
    const { user, system } = usage(start);
    return (user + system) / 1000;
  };
}

function swallow(error: unknown): unknown {
  if (error instanceof TypeError && error.message.includes("accepts a bad")) throw error;
  return error;
}

/** A library that refuses good tokens would look fast. */
async function check(
  library: LibraryName,
  alg: BenchAlgorithm,
  run: Readonly<Record<Operation, (at: number) => unknown>>,
): Promise<void> {
  for (const operation of ["verify", "sign", "wrong-signature", "expired"] as const) {
    try {
      for (let at = 0; at < 8; at++) await run[operation](at);
    } catch (error) {
      throw new Error(`${library} cannot ${operation} ${alg}`, { cause: error });
    }
  }
}

async function measure(alg: BenchAlgorithm, operation: Operation, milliseconds: number): Promise<number> {
  const run = ready.get(alg)?.run[operation];
  if (run === undefined) return 0;
  // As in an async handler, where most tokens are verified, and where jose always is. (Directly in a callback of libuv,
  // V8 takes 1.3 µs more for a throw, of whichever library.)
  await Promise.resolve();
  const first = process.hrtime.bigint();
  const isAsync = run(0) instanceof Promise;
  if (isAsync) await run(1);
  else run(1);
  // To read the clock of a thread takes 2 to 9 µs: it is done every 2 ms or so.
  const batch = Math.max(1, Math.min(1024, Math.round(2_000_000 / Number(process.hrtime.bigint() - first))));
  let count = 0;
  let spent = 0;
  const clock = startClock(isAsync);
  while (spent < milliseconds) {
    if (isAsync) for (let step = 0; step < batch; step++) await run(count++ % tokenCount);
    else for (let step = 0; step < batch; step++) run(count++ % tokenCount);
    spent = clock();
  }
  return (count * 1000) / spent;
}

// Few enough that even 20 kB each fit into the young generation: no collection happens in between.
const allocationCount = 300;

async function allocate(alg: BenchAlgorithm): Promise<number> {
  const run = ready.get(alg)?.run.verify;
  if (run === undefined || globalThis.gc === undefined) return 0;
  const isAsync = run(0) instanceof Promise;
  for (let at = 0; at < 600; at++) await run(at % tokenCount);
  const figures: number[] = [];
  for (let round = 0; round < 5; round++) {
    globalThis.gc();
    const before = memoryUsage();
    if (isAsync) for (let at = 0; at < allocationCount; at++) await run(at % tokenCount);
    else for (let at = 0; at < allocationCount; at++) run(at % tokenCount);
    const after = memoryUsage();
    figures.push((after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers) / allocationCount);
  }
  // A collection in between makes a round's figure too small.
  return Math.max(...figures);
}

async function answer(request: Request): Promise<Reply> {
  switch (request.type) {
    case "prepare":
      await prepare(request.library, request.workloads);
      return { type: "ready", algorithms: [...ready.keys()] };
    case "measure":
      return { type: "figure", figure: await measure(request.alg, request.operation, request.milliseconds) };
    case "measure-cached":
      return { type: "figure", figure: measureCached(request.milliseconds) };
    case "allocate":
      return { type: "figure", figure: await allocate(request.alg) };
    default:
      throw new Error("Unknown request");
  }
}

process.on("message", (request: Request) => {
  answer(request).then(
    (reply) => process.send?.(reply),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
