/**
 * Fifty parallel redemptions of one token, on two server processes over one store: one successor, no fork.
 *
 *     npm run trial:races [-- --quick] [--store NAME] [--json FILE]
 */
import { parseArgs } from "node:util";

import type { Result } from "./harness/report.ts";
import { report } from "./harness/report.ts";
import { STORE_NAMES, storesNamed } from "./harness/shared-stores.ts";
import { runRaces } from "./races/run-races.ts";

const HELP = `Fifty parallel redemptions of one token on two server processes.

  --quick          10 rounds
  --rounds NUMBER  so many (default: 100)
  --max-seconds N  for each store (default: 300)
  --store NAME     ${STORE_NAMES}, or all (default)
  --json FILE      writes the figures as JSON
  --help
`;

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    "max-seconds": { type: "string", default: "300" },
    store: { type: "string", default: "all" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const rounds = Number(flags.rounds ?? (flags.quick ? 10 : 100));
  const results: Result[] = [];
  const faults: string[] = [];
  for (const open of storesNamed(flags.store)) {
    const store = await open();
    try {
      const outcome = await runRaces(store, { rounds, maxSeconds: Number(flags["max-seconds"]) });
      const all = (name: string, value: number): Result => ({
        name: `${store.name}: ${name}`,
        value,
        unit: "",
        target: `${rounds}`,
        holds: value === rounds,
      });
      results.push(
        all("rounds of 50 redemptions with one key: one successor, the session goes on", outcome.oneKeyOneSuccessor),
        all("rounds of 50 redemptions with 50 keys: one success, the session ends", outcome.manyKeysOneSuccess),
        { name: `${store.name}: redemptions`, value: outcome.redemptions, unit: "", holds: true },
        {
          name: `${store.name}: the less busy process's share of the answers`,
          value: (100 * Math.min(...outcome.answeredBy)) / outcome.answeredBy.reduce((sum, count) => sum + count, 0),
          unit: "%",
          holds: true,
        },
        { name: `${store.name}: time`, value: outcome.seconds, unit: "s", holds: true },
      );
      faults.push(...outcome.faults.map((fault) => `${store.name}: ${fault}`));
    } finally {
      await store.close();
    }
  }
  report("Parallel redemptions on two processes", results, flags.json);
  for (const fault of faults.slice(0, 20)) process.stdout.write(`${fault}\n`);
}
