/**
 * Many processes of one user, on one credential folder, killed at random points, and the server with them now and then: is
 * anybody signed out, is a token lost, is a file ever half there?
 *
 *     npm run trial:cli [-- --quick] [--json FILE]
 */
import { randomBytes } from "node:crypto";

import { runCliTrial } from "./cli/run-cli-trial.ts";
import { readFlags } from "./harness/flags.ts";
import type { Result } from "./harness/report.ts";
import { exactly, figure, named, report } from "./harness/report.ts";

const HELP = `Processes that share one credential folder, with and without their file lock, and random kills.

  --quick            6 processes of 15 refreshes
  --processes NUMBER (default: 20)
  --refreshes NUMBER of each process (default: 200)
  --lock yes|no      only with the lock, or only without (default: one after the other)
  --max-seconds N    for each of the two runs (default: 900, of which they took 711 and 546 on two busy cores)
  --seed TEXT        the same plan of kills again
  --json FILE        writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, {
  quick: { type: "boolean", default: false },
  processes: { type: "string" },
  refreshes: { type: "string" },
  lock: { type: "string" },
  "max-seconds": { type: "string", default: "900" },
  seed: { type: "string" },
});

await main();

async function main(): Promise<void> {
  const processes = Number(flags.processes ?? (flags.quick ? 6 : 20));
  const refreshes = Number(flags.refreshes ?? (flags.quick ? 15 : 200));
  const seed = flags.seed ?? randomBytes(6).toString("hex");
  const results: Result[] = [];
  const faults: string[] = [];
  for (const lock of [true, false]) {
    if (flags.lock !== undefined && (flags.lock === "yes") !== lock) continue;
    const run = lock ? "with the lock" : "without a lock";
    process.stderr.write(`${run}: ${processes} processes, ${refreshes} refreshes each\n`);
    const maxSeconds = Number(flags["max-seconds"]);
    const outcome = await runCliTrial({ seed: `${seed} ${run}`, processes, refreshes, lock, maxSeconds });
    const wanted = processes * refreshes;
    results.push(
      ...named(run, [
        exactly("refreshes asked for and got", outcome.refreshes, wanted),
        figure("rotations", outcome.rotations),
        figure("processes killed", outcome.processesKilled),
        figure("times the server was killed", outcome.serverKilled),
        exactly("sign-outs", outcome.signOuts, 0),
        exactly("sessions that go on afterwards", outcome.goesOn ? 1 : 0, 1),
        figure("looks at the store meanwhile", outcome.storeReads),
        exactly("looks that found it broken, empty or older than before", outcome.storeFaults.length, 0),
        figure("longest wait for a refresh", outcome.longestWaitMs, "ms"),
        figure("time", outcome.seconds, "s"),
      ]),
    );
    faults.push(...outcome.storeFaults.map((fault) => `${run}: ${fault}`));
  }
  report(`Processes of one user on one credential folder, seed ${seed}`, results, flags.json);
  for (const fault of faults.slice(0, 20)) process.stdout.write(`${fault}\n`);
}
