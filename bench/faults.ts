/**
 * Honest clients and planted thieves behind a proxy that drops, delays, duplicates and re-orders: is anybody signed out
 * who should not be, is a token ever spent twice, does a thief get away?
 *
 *     npm run trial:faults [-- --quick | --long] [--store NAME] [--seed TEXT] [--json FILE]
 */
import { randomBytes } from "node:crypto";

import { runFaultTrial } from "./faults/run-trial.ts";
import { readFlags } from "./harness/flags.ts";
import { exactly, figure, report, some } from "./harness/report.ts";
import type { SharedStore } from "./harness/shared-store.ts";
import { eachStore, STORE_NAMES } from "./harness/shared-stores.ts";

const HELP = `Refreshes through a proxy that drops, delays, duplicates and re-orders.

  --quick             4,000 refreshes: took 49 seconds on two busy cores
  --long              1,000,000 refreshes: took 71 minutes on two busy cores, so give it --max-seconds 7200
                      (default: 100,000: took 94 seconds on two quiet ones)
  --refreshes NUMBER  so many
  --max-seconds N     stops after so long, and says so (default: 1,800)
  --store NAME        ${STORE_NAMES}, or all (default: sqlite)
  --clients NUMBER    apps, each with a token of its own (default: 48)
  --browsers NUMBER   browsers of three tabs over one jar (default: 12)
  --seed TEXT         the plan of faults and thefts to use again; the order in which the machine runs things stays its own
  --json FILE         writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, {
  quick: { type: "boolean", default: false },
  long: { type: "boolean", default: false },
  refreshes: { type: "string" },
  "max-seconds": { type: "string", default: "1800" },
  clients: { type: "string", default: "48" },
  browsers: { type: "string", default: "12" },
  store: { type: "string", default: "sqlite" },
  seed: { type: "string" },
});

await eachStore(flags.store, tryStore);

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
  const none = (kind: string, name: string) => exactly(name, violations(kind), 0);
  report(
    `${store.name}: refreshes through faults, seed ${seed}`,
    [
      {
        ...figure("refreshes", outcome.rotations),
        target: `≥ ${refreshes}`,
        holds: outcome.rotations >= refreshes,
      },
      figure("requests that reached the server", outcome.requests),
      ...Object.entries(outcome.faults).map(([kind, count]) => figure(`fault: ${kind}`, count)),
      figure("tries without an answer", outcome.noAnswers),
      figure("sessions", outcome.sessions),
      none("false sign-out", "false sign-outs"),
      none("double spend", "tokens spent twice"),
      none("stuck client", "clients stuck"),
      none("malformed answer", "answers that make no sense"),
      some("thieves that used a copy", outcome.thieves),
      figure("of them with a copy of mid-attempt, used twice", outcome.thievesInMidAttempt),
      figure("of them before its owner", outcome.thievesFirst),
      exactly("thieves caught", outcome.caught, outcome.thieves),
      none("thief not caught", "thieves that got away"),
      figure("of them by a victim that insisted", outcome.caughtByInsisting),
      figure("thieves that never had an answer", outcome.unanswered),
      figure("copies in mid-attempt shown too late: refused", outcome.shownTooLate),
      figure("time", outcome.seconds, "s"),
      figure("rate", outcome.rotations / outcome.seconds, "refreshes/s"),
    ],
    flags.json,
  );
  for (const violation of outcome.violations.slice(0, 3)) {
    process.stdout.write(
      `\n${violation.kind}: ${violation.what}\n${violation.trace.map((line) => `  ${line}\n`).join("")}`,
    );
  }
}
