/**
 * Refreshes over HTTP, with real clients and signed access tokens: how many a second, how long one takes, what it costs the
 * server, and what it leaves in the database; beside other servers, in the same run.
 *
 *     npm run bench:refresh [-- --quick] [--json FILE]
 */
import { parseArgs } from "node:util";

import type { Result } from "./harness/report.ts";
import { report } from "./harness/report.ts";
import { startLatchkeyOnPostgres, startLatchkeyOnSqlite } from "./refresh/latchkey-subject.ts";
import type { LoadGenerator } from "./refresh/load-generator.ts";
import { startLoadGenerator } from "./refresh/load-generator.ts";
import type { Throughput } from "./refresh/measure.ts";
import { measureGrowth, measureThroughput } from "./refresh/measure.ts";
import { PEERS, startPeer } from "./refresh/peer-subject.ts";
import type { Subject } from "./refresh/subject.ts";

const HELP = `Measures refreshes over HTTP.

  --quick       shorter rounds, up to 100,000 sessions
  --json FILE   writes the figures as JSON
  --cpu-prof DIR  writes a processor profile of Latchkey's server on SQLite there
  --help
`;

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    "cpu-prof": { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const plan = flags.quick
  ? {
      seconds: 1,
      rounds: 1,
      connections: [1, 64],
      sessions: 256,
      growthSessions: 64,
      scales: [1_000, 100_000],
      live: 500,
    }
  : {
      seconds: 3,
      rounds: 3,
      connections: [1, 16, 64],
      sessions: 1_024,
      growthSessions: 128,
      scales: [1_000, 100_000, 1_000_000],
      live: 1_000,
    };
const ROTATIONS = 100;
const MIB = 2 ** 20;

/** What two cores, shared with the load generator, are to reach. */
const TARGETS = {
  SQLite: { perSecond: 9_000, cpuMicroseconds: 130, residentMiB: 120 },
  PostgreSQL: { perSecond: 5_000, cpuMicroseconds: 130, residentMiB: 120 },
} as const;
const OVER_PEER: ReadonlyMap<string, number> = new Map([["oidc-provider", 3]]);
const MAX_P99_GROWTH = 1.5;

if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const generator = startLoadGenerator();
  const results: Result[] = [];
  try {
    const profile = flags["cpu-prof"] === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${flags["cpu-prof"]}`];
    const sqlite = await measured(() => startLatchkeyOnSqlite(plan.sessions, profile), generator, results);
    await measured(() => startLatchkeyOnPostgres(plan.sessions), generator, results);
    for (const peer of PEERS) {
      const rate = await measured(() => startPeer(peer, plan.sessions), generator, results);
      const least = OVER_PEER.get(peer.name) ?? 1;
      results.push({
        name: `Latchkey on SQLite, over ${peer.name}, at 64 connections`,
        value: sqlite,
        unit: "refreshes/s",
        peer: peer.name,
        ratio: sqlite / rate,
        target: `≥ ${least} × ${peer.name}`,
        holds: sqlite / rate >= least,
      });
    }
    await growth(() => startLatchkeyOnSqlite(plan.growthSessions), generator, results);
    await growth(() => startLatchkeyOnPostgres(plan.growthSessions), generator, results);
    for (const peer of PEERS) await growth(() => startPeer(peer, plan.growthSessions), generator, results);
    await scales(generator, results);
  } finally {
    generator.stop();
  }
  report(`Refreshes over HTTP, Node.js ${process.version}`, results, flags.json);
}

/** Measures one server at each number of connections; answers its rate at the most. */
async function measured(start: () => Promise<Subject>, generator: LoadGenerator, results: Result[]): Promise<number> {
  const subject = await start();
  const name = `${subject.name} on ${subject.database}`;
  try {
    // The compiler's share is no part of any round.
    await measureThroughput(subject, generator, { connections: 16, seconds: plan.seconds, rounds: 1 });
    let last: Throughput | undefined;
    for (const connections of plan.connections) {
      process.stderr.write(`  ${name}, ${connections} connections\n`);
      last = await measureThroughput(subject, generator, { connections, seconds: plan.seconds, rounds: plan.rounds });
      const target =
        subject.name === "Latchkey" && connections === 64 ? TARGETS[subject.database].perSecond : undefined;
      results.push(
        {
          name: `${name}, ${connections} connections`,
          value: last.perSecond,
          unit: "refreshes/s",
          ...(target !== undefined && { target: `≥ ${target}` }),
          holds: target === undefined || last.perSecond >= target,
        },
        { name: `${name}, ${connections} connections, p50`, value: last.p50Ms, unit: "ms", holds: true },
        { name: `${name}, ${connections} connections, p99`, value: last.p99Ms, unit: "ms", holds: true },
      );
    }
    if (last === undefined) return 0;
    const own = subject.name === "Latchkey" ? TARGETS[subject.database] : undefined;
    results.push(
      {
        name: `${name}, processor time of the server`,
        value: last.cpuMicroseconds,
        unit: "µs/refresh",
        ...(own !== undefined && { target: `≤ ${own.cpuMicroseconds}` }),
        holds: own === undefined || last.cpuMicroseconds <= own.cpuMicroseconds,
      },
      {
        name: `${name}, resident memory`,
        value: last.residentBytes / MIB,
        unit: "MiB",
        ...(own !== undefined && { target: `≤ ${own.residentMiB}` }),
        holds: own === undefined || last.residentBytes / MIB <= own.residentMiB,
      },
    );
    return last.perSecond;
  } finally {
    await subject.stop();
  }
}

async function growth(start: () => Promise<Subject>, generator: LoadGenerator, results: Result[]): Promise<void> {
  const subject = await start();
  const name = `${subject.name} on ${subject.database}, ${plan.growthSessions} sessions × ${ROTATIONS} rotations`;
  process.stderr.write(`  ${name}\n`);
  try {
    const { before, after } = await measureGrowth(subject, generator, ROTATIONS);
    const [target, holds] =
      subject.name === "Latchkey" ? ([{ target: "0" }, after.rows === before.rows] as const) : ([{}, true] as const);
    results.push(
      { name: `${name}: rows added`, value: after.rows - before.rows, unit: "", ...target, holds },
      { name: `${name}: bytes before`, value: before.bytes, unit: "B", holds: true },
      { name: `${name}: bytes after`, value: after.bytes, unit: "B", ratio: after.bytes / before.bytes, holds: true },
    );
  } finally {
    await subject.stop();
  }
}

/** The same load over the same number of sessions in use, in tables of very different sizes. */
async function scales(generator: LoadGenerator, results: Result[]): Promise<void> {
  const subject = await startLatchkeyOnSqlite(plan.live);
  try {
    let first: number | undefined;
    await measureThroughput(subject, generator, { connections: 16, seconds: plan.seconds, rounds: 1 });
    for (const sessions of plan.scales) {
      process.stderr.write(`  Latchkey on SQLite, ${sessions} sessions\n`);
      subject.fillUp(sessions);
      await measureThroughput(subject, generator, { connections: 16, seconds: 1, rounds: 1 });
      const { p50Ms, p99Ms } = await measureThroughput(subject, generator, {
        connections: 16,
        seconds: plan.seconds,
        rounds: plan.rounds,
      });
      first ??= p99Ms;
      const name = `Latchkey on SQLite among ${sessions.toLocaleString("en-US")} sessions, 16 connections`;
      results.push(
        { name: `${name}, p50`, value: p50Ms, unit: "ms", holds: true },
        {
          name: `${name}, p99`,
          value: p99Ms,
          unit: "ms",
          peer: "p99 among 1,000",
          ratio: p99Ms / first,
          target: `≤ ${MAX_P99_GROWTH} ×`,
          holds: p99Ms / first <= MAX_P99_GROWTH,
        },
      );
    }
  } finally {
    await subject.stop();
  }
}
