/**
 * `kill -9` under load, again and again, and sometimes the power goes with it: is anybody signed out, is a token ever
 * spent twice, is a copy from before the crash still caught after it?
 *
 *     npm run trial:crash [-- --quick] [--rounds NUMBER] [--json FILE]
 */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";

import { runCrashTrial } from "./crash/run-crash-trial.ts";
import { report } from "./harness/report.ts";

const HELP = `Kills \`latchkey serve\` under load, restarts it, and replays everything that every client ever held.

  --quick          12 rounds
  --rounds NUMBER  so many (default: 100)
  --max-seconds N  stops after so long, and says so (default: 900)
  --clients NUMBER (default: 24)
  --seed TEXT      the same plan again
  --json FILE      writes the figures as JSON
  --help
`;

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    "max-seconds": { type: "string", default: "900" },
    clients: { type: "string", default: "24" },
    seed: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const rounds = Number(flags.rounds ?? (flags.quick ? 12 : 100));
  const seed = flags.seed ?? randomBytes(6).toString("hex");
  process.stdout.write(`seed ${seed}: ${rounds} rounds\n`);
  const outcome = await runCrashTrial({
    seed,
    rounds,
    maxSeconds: Number(flags["max-seconds"]),
    clients: Number(flags.clients),
    onProgress: (round) => process.stderr.write(round % 10 === 0 ? `  ${round} rounds\n` : ""),
  });
  const figure = (name: string, value: number, unit = "") => ({ name, value, unit, holds: true });
  const zero = (name: string, value: number) => ({ name, value, unit: "", target: "0", holds: value === 0 });
  report(
    `kill -9 under load, seed ${seed}`,
    [
      { ...figure("rounds", outcome.rounds), target: `${rounds}`, holds: outcome.rounds === rounds },
      figure("refreshes", outcome.refreshes),
      figure("clients with a refresh in flight when the server was killed", outcome.cutOff),
      figure("rounds in which the power went too", outcome.powerCuts),
      figure("log frames lost to that", outcome.framesLost),
      figure("tokens presented again", outcome.replayed),
      zero("clients signed out", outcome.signedOut.length),
      zero("tokens spent twice", outcome.spentTwice.length),
      figure("thieves", outcome.thieves),
      {
        ...figure("thieves caught", outcome.thievesCaught),
        target: `${outcome.thieves}`,
        holds: outcome.thievesCaught === outcome.thieves,
      },
      figure("time", outcome.seconds, "s"),
    ],
    flags.json,
  );
  for (const line of [...outcome.signedOut, ...outcome.spentTwice].slice(0, 20)) process.stdout.write(`${line}\n`);
}
