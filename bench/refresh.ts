/**
 * Refreshes over HTTP, with real clients and signed access tokens: how many a second, how long one takes, what it costs the
 * server, and what it leaves in the database; beside other servers, in the same run.
 *
 *     npm run bench:refresh [-- --quick] [--better-auth] [--json FILE]
 */

import { readFlags } from "./harness/flags.ts";
import type { Result } from "./harness/report.ts";
import { report } from "./harness/report.ts";
import { FLOORS, startFloor } from "./refresh/floor-subject.ts";
import { startLatchkeyOnPostgres, startLatchkeyOnSqlite } from "./refresh/latchkey-subject.ts";
import type { LoadGenerator } from "./refresh/load-generator.ts";
import { startLoadGenerator } from "./refresh/load-generator.ts";
import type { Throughput } from "./refresh/measure.ts";
import { measureGrowth, measureInTurns, measureThroughput } from "./refresh/measure.ts";
import { BETTER_AUTH, BETTER_AUTH_OPAQUE, installPeer, OIDC_PROVIDER } from "./refresh/peer-subject.ts";
import { startPeerOnPostgres, startPeerOnSqlite } from "./refresh/peer-subject.ts";
import { measureScales } from "./refresh/scales.ts";
import type { Subject } from "./refresh/subject.ts";

const HELP = `Measures refreshes over HTTP. Takes eight minutes, with Better Auth twelve.

  --quick         shorter rounds, up to 100,000 sessions
  --json FILE     writes the figures as JSON
  --better-auth   with Better Auth, which is installed for it into a folder of its own
  --cpu-prof DIR  writes a processor profile of Latchkey's server on SQLite there
  --help
`;

const flags = readFlags(HELP, {
  quick: { type: "boolean", default: false },
  "better-auth": { type: "boolean", default: false },
  "cpu-prof": { type: "string" },
});

const plan = flags.quick
  ? {
      seconds: 1,
      rounds: 1,
      turns: 3,
      connections: [1, 64],
      sessions: 256,
      growthSessions: 64,
      scales: [1_000, 100_000],
      live: 500,
    }
  : {
      seconds: 3,
      rounds: 3,
      turns: 5,
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
const OVER_PEER: ReadonlyMap<string, number> = new Map([
  [OIDC_PROVIDER.name, 3],
  [BETTER_AUTH.name, 20],
  [BETTER_AUTH_OPAQUE.name, 20],
]);

await main();

async function main(): Promise<void> {
  const generator = startLoadGenerator();
  const results: Result[] = [];
  try {
    const profile = flags["cpu-prof"] === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${flags["cpu-prof"]}`];
    if (flags["better-auth"]) installPeer(BETTER_AUTH);
    for (const floor of FLOORS) await measured(() => startFloor(floor), generator, results);
    await measured(() => startLatchkeyOnSqlite(plan.sessions, profile), generator, results);
    await measured(() => startLatchkeyOnPostgres(plan.sessions), generator, results);
    const peers = [
      { start: () => startPeerOnSqlite(OIDC_PROVIDER, plan.sessions), startOwn: startLatchkeyOnSqlite },
      { start: () => startPeerOnPostgres(OIDC_PROVIDER, plan.sessions), startOwn: startLatchkeyOnPostgres },
      ...(flags["better-auth"]
        ? [
            { start: () => startPeerOnSqlite(BETTER_AUTH, plan.sessions), startOwn: startLatchkeyOnSqlite },
            { start: () => startPeerOnSqlite(BETTER_AUTH_OPAQUE, plan.sessions), startOwn: startLatchkeyOnSqlite },
            { start: () => startPeerOnPostgres(BETTER_AUTH, plan.sessions), startOwn: startLatchkeyOnPostgres },
          ]
        : []),
    ];
    for (const { start } of peers) await measured(start, generator, results);
    for (const { start, startOwn } of peers) await compared(() => startOwn(plan.sessions), start, generator, results);
    await growth(() => startLatchkeyOnSqlite(plan.growthSessions), generator, results);
    await growth(() => startLatchkeyOnPostgres(plan.growthSessions), generator, results);
    await growth(() => startPeerOnSqlite(OIDC_PROVIDER, plan.growthSessions), generator, results);
    for (const startScaled of [startLatchkeyOnSqlite, startLatchkeyOnPostgres]) {
      results.push(...(await measureScales(() => startScaled(plan.live), generator, plan)));
    }
  } finally {
    generator.stop();
  }
  report(`Refreshes over HTTP, Node.js ${process.version}`, results, flags.json);
}

/** Measures one server at each number of connections. */
async function measured(start: () => Promise<Subject>, generator: LoadGenerator, results: Result[]): Promise<void> {
  const subject = await start();
  const name = `${subject.name} on ${subject.database}`;
  const own = subject.name === "Latchkey" && subject.database !== "nothing" ? TARGETS[subject.database] : undefined;
  try {
    // The compiler's share is no part of any round.
    await measureThroughput(subject, generator, { connections: 16, seconds: plan.seconds, rounds: 1 });
    let last: Throughput | undefined;
    for (const connections of plan.connections) {
      process.stderr.write(`  ${name}, ${connections} connections\n`);
      last = await measureThroughput(subject, generator, { connections, seconds: plan.seconds, rounds: plan.rounds });
      const target = connections === 64 ? own?.perSecond : undefined;
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
    if (last === undefined) return;
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
  } finally {
    await subject.stop();
  }
}

/** Latchkey and a peer on the same kind of database, both running, measured in turns. */
async function compared(
  startOwn: () => Promise<Subject>,
  startPeer: () => Promise<Subject>,
  generator: LoadGenerator,
  results: Result[],
): Promise<void> {
  const subjects: Subject[] = [];
  try {
    subjects.push(await startOwn(), await startPeer());
    const [, { name: peer, database } = { name: "", database: "" }] = subjects;
    process.stderr.write(`  Latchkey and ${peer} on ${database}, in turns\n`);
    await measureInTurns(subjects, generator, { connections: 16, seconds: plan.seconds, rounds: 1 });
    const [own, other] = await measureInTurns(subjects, generator, {
      connections: 64,
      seconds: plan.seconds,
      rounds: plan.turns,
    });
    if (own === undefined || other === undefined) return;
    const least = OVER_PEER.get(peer) ?? 1;
    const name = `Latchkey over ${peer} on ${database}, in turns, 64 connections`;
    results.push(
      {
        name,
        value: own.perSecond,
        unit: "refreshes/s",
        peer: `${Math.round(other.perSecond)}/s`,
        ratio: own.perSecond / other.perSecond,
        target: `≥ ${least} ×`,
        holds: own.perSecond / other.perSecond >= least,
      },
      {
        name: `${name}: processor time`,
        value: own.cpuMicroseconds,
        unit: "µs/refresh",
        peer: `${Math.round(other.cpuMicroseconds)} µs`,
        ratio: own.cpuMicroseconds / other.cpuMicroseconds,
        holds: true,
      },
    );
  } finally {
    for (const subject of subjects) await subject.stop();
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
