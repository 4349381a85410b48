/**
 * Fifty parallel redemptions of one token, on two server processes over one store: one successor, no fork.
 *
 *     npm run trial:races [-- --quick] [--store NAME] [--json FILE]
 */

import { readFlags } from "./harness/flags.ts";
import type { Result } from "./harness/report.ts";
import { exactly, figure, named, report } from "./harness/report.ts";
import { eachStore, STORE_NAMES } from "./harness/shared-stores.ts";
import { runRaces } from "./races/run-races.ts";

const HELP = `Fifty parallel redemptions of one token on two server processes.

  --quick          10 rounds: took 65 seconds on two busy cores, all stores together
  --rounds NUMBER  so many (default: 100, of which a store took 3 to 133 seconds)
  --max-seconds N  for each store (default: 300)
  --store NAME     ${STORE_NAMES}, or all (default)
  --json FILE      writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, {
  quick: { type: "boolean", default: false },
  rounds: { type: "string" },
  "max-seconds": { type: "string", default: "300" },
  store: { type: "string", default: "all" },
});

const rounds = Number(flags.rounds ?? (flags.quick ? 10 : 100));
const results: Result[] = [];
const faults: string[] = [];
await eachStore(flags.store, async (store) => {
  const outcome = await runRaces(store, { rounds, maxSeconds: Number(flags["max-seconds"]) });
  const answers = outcome.answeredBy.reduce((sum, count) => sum + count, 0);
  results.push(
    ...named(store.name, [
      exactly(
        "rounds of 50 redemptions with one key: one successor, the session goes on",
        outcome.oneKeyOneSuccessor,
        rounds,
      ),
      exactly(
        "rounds of 50 redemptions with 50 keys: one success, the session ends",
        outcome.manyKeysOneSuccess,
        rounds,
      ),
      figure("redemptions", outcome.redemptions),
      figure("the less busy process's share of the answers", (100 * Math.min(...outcome.answeredBy)) / answers, "%"),
      figure("time", outcome.seconds, "s"),
    ]),
  );
  faults.push(...outcome.faults.map((fault) => `${store.name}: ${fault}`));
});
report("Parallel redemptions on two processes", results, flags.json);
for (const fault of faults.slice(0, 20)) process.stdout.write(`${fault}\n`);
