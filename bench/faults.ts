/**
 * Honest clients and planted thieves behind a proxy that drops, delays, duplicates and re-orders: is anybody signed out
 * who should not be, is a token ever spent twice, does a thief get away?
 *
 *     npm run trial:faults [-- --quick | --long] [--store NAME] [--seed TEXT] [--json FILE]
 */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";

import { runFaultTrial } from "./faults/run-trial.ts";
import { report } from "./harness/report.ts";
import type { SharedStore } from "./harness/shared-store.ts";
import { STORE_NAMES, storesNamed } from "./harness/shared-stores.ts";

const HELP = `Refreshes through a proxy that drops, delays, duplicates and re-orders.

  --quick             4,000 refreshes
  --long              1,000,000 refreshes (default: 100,000)
  --refreshes NUMBER  so many
  --max-seconds N     stops after so long, and says so (default: 1,800)
  --store NAME        ${STORE_NAMES}, or all (default: sqlite)
  --clients NUMBER    apps, each with a token of its own (default: 48)
  --browsers NUMBER   browsers of three tabs over one jar (default: 12)
  --seed TEXT         the plan of faults and thefts to use again; the order in which the machine runs things stays its own
  --json FILE         writes the figures as JSON
  --help
`;

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
    refreshes: { type: "string" },
    "max-seconds": { type: "string", default: "1800" },
    clients: { type: "string", default: "48" },
    browsers: { type: "string", default: "12" },
    store: { type: "string", default: "sqlite" },
    seed: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  for (const open of storesNamed(flags.store)) {
    const store = await open();
    try {
      await tryStore(store);
    } finally {
      await store.close();
    }
  }
}

async function tryStore(store: SharedStore): Promise<void> {
  const refreshes = Number(flags.refreshes ?? (flags.quick ? 4_000 : flags.long ? 1_000_000 : 100_000));
  const seed = flags.seed ?? randomBytes(6).toString("hex");
  process.stdout.write(`${store.name}, seed ${seed}: ${refreshes.toLocaleString("en-US")} refreshes\n`);
  const outcome = await runFaultTrial(store, {
    seed,
    refreshes,
    maxSeconds: Number(flags["max-seconds"]),
    bodyClients: Number(flags.clients),
    jars: Number(flags.browsers),
    thefts: Math.max(20, Math.min(refreshes / 500, 1_000)),
    onProgress: (rotations) => process.stderr.write(`  ${rotations.toLocaleString("en-US")} refreshes\n`),
  });

  const violations = (kind: string): number => outcome.violations.filter((one) => one.kind === kind).length;
  const none = (kind: string, name: string) => ({
    name,
    value: violations(kind),
    unit: "",
    target: "0",
    holds: violations(kind) === 0,
  });
  report(
    `${store.name}: refreshes through faults, seed ${seed}`,
    [
      {
        name: "refreshes",
        value: outcome.rotations,
        unit: "",
        target: `≥ ${refreshes}`,
        holds: outcome.rotations >= refreshes,
      },
      { name: "requests that reached the server", value: outcome.requests, unit: "", holds: true },
      ...Object.entries(outcome.faults).map(([kind, value]) => ({
        name: `fault: ${kind}`,
        value,
        unit: "",
        holds: true,
      })),
      { name: "tries without an answer", value: outcome.noAnswers, unit: "", holds: true },
      { name: "sessions", value: outcome.sessions, unit: "", holds: true },
      none("false sign-out", "false sign-outs"),
      none("double spend", "tokens spent twice"),
      none("stuck client", "clients stuck"),
      none("malformed answer", "answers that make no sense"),
      { name: "thieves that used a copy", value: outcome.thieves, unit: "", holds: outcome.thieves > 0 },
      {
        name: "of them with a copy of mid-attempt, used twice",
        value: outcome.thievesInMidAttempt,
        unit: "",
        holds: true,
      },
      { name: "of them before its owner", value: outcome.thievesFirst, unit: "", holds: true },
      {
        name: "thieves caught",
        value: outcome.caught,
        unit: "",
        target: `${outcome.thieves}`,
        holds: outcome.caught === outcome.thieves && violations("thief not caught") === 0,
      },
      { name: "of them by a victim that insisted", value: outcome.caughtByInsisting, unit: "", holds: true },
      { name: "thieves that never had an answer", value: outcome.unanswered, unit: "", holds: true },
      { name: "copies in mid-attempt shown too late: refused", value: outcome.shownTooLate, unit: "", holds: true },
      { name: "time", value: outcome.seconds, unit: "s", holds: true },
      { name: "rate", value: outcome.rotations / outcome.seconds, unit: "refreshes/s", holds: true },
    ],
    flags.json,
  );
  for (const violation of outcome.violations.slice(0, 3)) {
    process.stdout.write(
      `\n${violation.kind}: ${violation.what}\n${violation.trace.map((line) => `  ${line}\n`).join("")}`,
    );
  }
}
