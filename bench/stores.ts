/**
 * How many rotations a second each store does, against the least that one row update costs on the same database, and
 * against what is commonly done instead.
 *
 *     npm run bench:stores [-- --quick] [--store NAME] [--json FILE]
 *
 * In each round every subject of a database is measured once, in turn. Medians are reported; ratios are of medians.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";

import { readFlags } from "./harness/flags.ts";
import { measureInTurns } from "./harness/in-turns.ts";
import type { Result } from "./harness/report.ts";
import { median } from "./harness/statistics.ts";
import { openPostgresBench } from "./stores/postgres.ts";
import { openRedisBench } from "./stores/redis.ts";
import { openSqliteBench } from "./stores/sqlite.ts";
import type { Bench } from "./stores/subject.ts";

const HELP = `Measures the rotations a second of each store, without HTTP.

  --quick       5 rounds of 0.3 s over 5,000 sessions: took 3 minutes on two busy cores
                (default: 15 of 1 s over 50,000: 6 minutes, and as long as it takes to fill the stores)
  --store NAME  sqlite, postgres or redis (default: one after the other)
  --json FILE   writes the figures as JSON
  --help
`;

const STORES = { sqlite: openSqliteBench, postgres: openPostgresBench, redis: openRedisBench };

const flags = readFlags(HELP, { quick: { type: "boolean", default: false }, store: { type: "string" } });
const chosen = Object.entries(STORES).filter(([name]) => flags.store === undefined || flags.store === name);
if (chosen.length === 0) throw new Error(`--store: must be one of ${Object.keys(STORES).join(", ")}`);
const rounds = flags.quick ? 5 : 15;
const milliseconds = flags.quick ? 300 : 1_000;
const sessions = flags.quick ? 5_000 : 50_000;

console.log(
  `Node.js ${process.version}, ${cpus()[0]?.model ?? "unknown processor"} × ${cpus().length}, ${rounds} rounds of ${milliseconds} ms`,
);
const results: Result[] = [];
for (const [, open] of chosen) {
  const bench = await open(sessions);
  try {
    results.push(...(await measure(bench)));
  } finally {
    await bench.close();
  }
}
if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
process.exitCode = results.every(({ holds }) => holds) ? 0 : 1;

async function measure(bench: Bench): Promise<readonly Result[]> {
  const rates = await measureInTurns(bench.subjects, { rounds, warmUpRounds: 1 }, async (subject) => {
    const start = performance.now();
    const count = await subject.run(milliseconds);
    return (count / (performance.now() - start)) * 1_000;
  });
  const rateOf = (name: string): number =>
    median(rates[bench.subjects.findIndex((subject) => subject.name === name)] ?? []);

  console.log(`\n${bench.title}`);
  return bench.subjects.map(({ name, peer }): Result => {
    const value = Math.round(rateOf(name));
    const ratio = peer === undefined ? undefined : value / rateOf(peer.name);
    const holds = peer?.atLeast === undefined || (ratio !== undefined && ratio >= peer.atLeast);
    console.log(
      [
        name.padEnd(70),
        `${value.toLocaleString("en")}/s`.padStart(12),
        ratio === undefined ? "" : `${ratio.toFixed(2)} × ${peer?.name ?? ""}`,
        peer?.atLeast === undefined ? "" : `(at least ${peer.atLeast}: ${holds ? "holds" : "MISSED"})`,
      ].join("  "),
    );
    return {
      name: `${bench.title.split(",")[0] ?? ""}: ${name}`,
      value,
      unit: "/s",
      ...(peer !== undefined && ratio !== undefined && { peer: peer.name, ratio }),
      ...(peer?.atLeast !== undefined && { target: `>= ${peer.atLeast}` }),
      holds,
    };
  });
}
