/**
 * `kill -9` under load, again and again, of the server or of its database, and with SQLite the power sometimes goes with it: is
 * anybody signed out, is a token ever spent twice, is a copy from before the crash still caught after it?
 *
 *     npm run trial:crash [-- --quick] [--store NAME] [--kill server|database] [--rounds NUMBER] [--json FILE]
 */
import { randomBytes } from "node:crypto";

import { runCrashTrial } from "./crash/run-crash-trial.ts";
import { readFlags } from "./harness/flags.ts";
import { exactly, figure, report } from "./harness/report.ts";
import type { SharedStore } from "./harness/shared-store.ts";
import { eachStore, STORE_NAMES } from "./harness/shared-stores.ts";

const HELP = `Kills a server, or its database, under load, restarts it, and replays everything that every client ever held.

  --quick          12 rounds: took 96 seconds on two busy cores
  --rounds NUMBER  so many (default: 100)
  --max-seconds N  stops after so long, and says so (default: 900)
  --clients NUMBER (default: 24)
  --store NAME     ${STORE_NAMES}, or all (default: sqlite)
  --kill WHAT      server (default), or database, where that is a process of its own
  --seed TEXT      the same plan again
  --json FILE      writes the figures as JSON
  --help
`;

const flags = readFlags(HELP, {
  quick: { type: "boolean", default: false },
  rounds: { type: "string" },
  "max-seconds": { type: "string", default: "900" },
  clients: { type: "string", default: "24" },
  store: { type: "string", default: "sqlite" },
  kill: { type: "string", default: "server" },
  seed: { type: "string" },
});

await eachStore(flags.store, tryStore);

async function tryStore(store: SharedStore): Promise<void> {
  const kills = flags.kill;
  if (kills !== "server" && kills !== "database") throw new Error("--kill: must be server or database");
  const rounds = Number(flags.rounds ?? (flags.quick ? 12 : 100));
  const seed = flags.seed ?? randomBytes(6).toString("hex");
  process.stdout.write(`${store.name}, seed ${seed}: ${rounds} rounds\n`);
  const outcome = await runCrashTrial(store, {
    seed,
    rounds,
    kills,
    maxSeconds: Number(flags["max-seconds"]),
    clients: Number(flags.clients),
    onProgress: (round) => process.stderr.write(round % 10 === 0 ? `  ${round} rounds\n` : ""),
  });
  report(
    `${store.name}: kill -9 of the ${kills} under load, seed ${seed}`,
    [
      exactly("rounds", outcome.rounds, rounds),
      figure("refreshes", outcome.refreshes),
      figure("clients with a refresh in flight at the kill", outcome.cutOff),
      figure("rounds in which the power went too", outcome.powerCuts),
      figure("log frames lost to that", outcome.framesLost),
      figure("sessions rolled forward", outcome.rolledForward),
      figure("tokens presented again", outcome.replayed),
      exactly("clients signed out", outcome.signedOut.length, 0),
      exactly("tokens spent twice", outcome.spentTwice.length, 0),
      figure("thieves", outcome.thieves),
      exactly("thieves caught", outcome.thievesCaught, outcome.thieves),
      figure("time", outcome.seconds, "s"),
    ],
    flags.json,
  );
  for (const line of [...outcome.signedOut, ...outcome.spentTwice].slice(0, 20)) process.stdout.write(`${line}\n`);
}
