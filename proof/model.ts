/**
 * Explores the refresh-token rotation protocol exhaustively, within bounds: every order of everything that may befall a
 * session, judged by the very rule that the authority runs. What it proves, and what not, is in docs/proof.md.
 */
import { writeFileSync } from "node:fs";

import { readFlags } from "../bench/harness/flags.ts";
import type { Bounds } from "./model/bounds.ts";
import type { NamedExploration } from "./model/explorations.ts";
import { EXPLORATIONS } from "./model/explorations.ts";
import type { Explored, Progress } from "./model/explore.ts";
import { explore } from "./model/explore.ts";
import { formatTrace } from "./model/trace.ts";

const HELP = `Usage: npm run model -- [options]

Explores every state of the session protocol within stated bounds, and checks that
  G1  without a thief nobody is signed out,
  G2  a copied token is caught when the second holder refreshes after the other,
  G3  a revoked session stays revoked,
  G6  no token outlives the absolute limit.

  --quick          the smaller explorations only: 9 seconds on a quiet machine, took 45 on a busy one (default: all, 80 and 254)
  --only TEXT      only explorations whose name contains the text
  --list           names the explorations and their bounds
  --json FILE      writes the figures to a file
  --max-seconds N  gives up on an exploration after so long (default 600)
  --help           prints this

Exits 1 where a guarantee is broken, after printing the shortest history that breaks it, or where one gave up.
`;

const values = readFlags(HELP, {
  quick: { type: "boolean", default: false },
  only: { type: "string", default: "" },
  list: { type: "boolean", default: false },
  "max-seconds": { type: "string", default: "600" },
});

if (values.list) for (const one of chosen()) console.log(`${one.name.padEnd(50)} ${formatBounds(one.bounds)}`);
else process.exitCode = runAll(chosen());

function chosen(): readonly NamedExploration[] {
  return EXPLORATIONS.filter(({ name, isQuick }) => (isQuick || !values.quick) && name.includes(values.only));
}

/** Explores one after the other; answers the exit code. */
function runAll(explorations: readonly NamedExploration[]): number {
  const maxSeconds = Number(values["max-seconds"]);
  if (!(maxSeconds > 0)) {
    console.error("--max-seconds must be a number above 0.");
    return 2;
  }
  if (explorations.length === 0) {
    console.error("No exploration has such a name. --list names them.");
    return 2;
  }
  console.log(
    `${"exploration".padEnd(50)} ${"outcome".padEnd(9)} ${"states".padStart(10)} ${"steps".padStart(11)} depth seconds`,
  );
  const results = explorations.map((exploration) => ({ exploration, explored: runOne(exploration, maxSeconds) }));
  const totals = { states: 0, transitions: 0, seconds: 0 };
  const limits = new Map<string, number>();
  for (const { explored } of results) {
    totals.states += explored.states;
    totals.transitions += explored.transitions;
    totals.seconds += explored.seconds;
    for (const [limit, times] of explored.limits) limits.set(limit, (limits.get(limit) ?? 0) + times);
  }
  console.log(
    `\n${format(totals.states)} states, ${format(totals.transitions)} steps, ${totals.seconds.toFixed(1)} s.`,
  );
  if (limits.size > 0) {
    console.log("\nStated limits that were reached (docs/proof.md), and by how many steps:");
    for (const [limit, times] of limits) console.log(`${format(times).padStart(10)}  ${limit}`);
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results.flatMap(figuresOf), null, 2)}\n`);
  return results.every(({ explored }) => explored.outcome === "holds") ? 0 : 1;
}

function runOne({ name, protocol, bounds }: NamedExploration, maxSeconds: number): Explored {
  const explored = explore({
    protocol,
    bounds,
    maxSeconds,
    nowMs: () => performance.now(),
    ...(process.stderr.isTTY
      ? { onProgress: (progress) => process.stderr.write(`\r${row(name, "…", progress)}`) }
      : {}),
  });
  if (process.stderr.isTTY) process.stderr.write("\r");
  console.log(row(name, explored.outcome, explored));
  if (explored.outcome === "violated") console.log(`\n${formatTrace(explored.counterExample)}\n`);
  return explored;
}

function row(name: string, outcome: string, { states, transitions, depth, seconds }: Progress): string {
  return [
    name.padEnd(50),
    outcome.padEnd(9),
    format(states).padStart(10),
    format(transitions).padStart(11),
    String(depth).padStart(5),
    seconds.toFixed(1).padStart(7),
  ].join(" ");
}

function format(count: number): string {
  return count.toLocaleString("en");
}

function formatBounds(bounds: Bounds): string {
  return Object.entries(bounds)
    .filter(([, limit]) => limit > 0)
    .map(([what, limit]) => `${what} ${limit}`)
    .join(", ");
}

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly holds: boolean;
}

function figuresOf({
  exploration,
  explored,
}: {
  exploration: NamedExploration;
  explored: Explored;
}): readonly Figure[] {
  const holds = explored.outcome === "holds";
  return [
    { name: `${exploration.name}: states`, value: explored.states, unit: "states", holds },
    { name: `${exploration.name}: steps`, value: explored.transitions, unit: "steps", holds },
    { name: `${exploration.name}: time`, value: Number(explored.seconds.toFixed(3)), unit: "s", holds },
  ];
}
