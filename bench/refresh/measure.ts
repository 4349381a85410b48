import { setTimeout as sleep } from "node:timers/promises";

import { measureInTurns as inTurns } from "../harness/in-turns.ts";
import { median } from "../harness/statistics.ts";
import type { LoadGenerator } from "./load-generator.ts";
import type { Storage, Subject } from "./subject.ts";
import { readUsage } from "./process-usage.ts";

export interface Throughput {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicroseconds: number;
  readonly residentBytes: number;
}

export interface LoadPlan {
  readonly connections: number;
  readonly seconds: number;
  readonly rounds: number;
}

/** Runs the load several times over; medians of everything. */
export async function measureThroughput(
  subject: Subject,
  generator: LoadGenerator,
  plan: LoadPlan,
): Promise<Throughput> {
  const [throughput] = await measureInTurns([subject], generator, plan);
  if (throughput === undefined) throw new Error("nothing was measured");
  return throughput;
}

/** The same for several servers in turns, so that whatever else the machine does falls on all of them. */
export async function measureInTurns(
  subjects: readonly Subject[],
  generator: LoadGenerator,
  plan: LoadPlan,
): Promise<readonly Throughput[]> {
  const rounds = await inTurns(subjects, plan, (subject) => measureRound(subject, generator, plan));
  return rounds.map(medians);
}

async function measureRound(subject: Subject, generator: LoadGenerator, plan: LoadPlan): Promise<Throughput> {
  const before = readUsage(subject.pid);
  const report = await generator.run({
    port: subject.port,
    wire: subject.wire,
    connections: plan.connections,
    seconds: plan.seconds,
    tokens: subject.tokens,
  });
  const after = readUsage(subject.pid);
  subject.tokens = report.tokens;
  return {
    perSecond: report.refreshes / report.seconds,
    p50Ms: report.p50Ms,
    p99Ms: report.p99Ms,
    cpuMicroseconds: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / (report.refreshes + plan.connections),
    residentBytes: after.residentBytes,
  };
}

function medians(rounds: readonly Throughput[]): Throughput {
  const middle = (of: (one: Throughput) => number): number => median(rounds.map(of));
  return {
    perSecond: middle((one) => one.perSecond),
    p50Ms: middle((one) => one.p50Ms),
    p99Ms: middle((one) => one.p99Ms),
    cpuMicroseconds: middle((one) => one.cpuMicroseconds),
    residentBytes: Math.max(...rounds.map((one) => one.residentBytes)),
  };
}

/** Rotates every session so often, and looks at the database before and after. */
export async function measureGrowth(
  subject: Subject,
  generator: LoadGenerator,
  rotations: number,
): Promise<{ readonly before: Storage; readonly after: Storage }> {
  const before = await settledStorage(subject);
  const { tokens } = await generator.run({
    port: subject.port,
    wire: subject.wire,
    connections: 16,
    seconds: 120,
    refreshes: rotations * subject.tokens.length,
    tokens: subject.tokens,
  });
  subject.tokens = tokens;
  return { before, after: await settledStorage(subject) };
}

/** How long nothing must have been added: what follows upon sign-ins, as the audit log's chain does, is none of a rotation. */
const SETTLED_MS = 3_000;
const MAX_SETTLING_MS = 60_000;

async function settledStorage(subject: Subject): Promise<Storage> {
  const deadline = performance.now() + MAX_SETTLING_MS;
  let before = await subject.measureStorage();
  for (;;) {
    await sleep(SETTLED_MS);
    const after = await subject.measureStorage();
    if (after.rows === before.rows || performance.now() > deadline) return after;
    before = after;
  }
}
