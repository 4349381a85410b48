/**
 * The page's client in a real browser: tabs that freeze, reload, lose the network and the time of day behind a proxy that
 * drops, delays and duplicates; sign-outs that race refreshes; scripts in the page, forged requests and copied jars.
 *
 *     npm run trial:browser [-- --quick | --minutes N] [--tabs N] [--seed TEXT] [--json FILE]
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";

import { runBrowserTrial } from "./browser/run-browser-trial.ts";
import { readFlags } from "./harness/flags.ts";
import { exactly, figure, report, some } from "./harness/report.ts";

const HELP = `The client in headless Chromium, with access tokens of two seconds; one browser's session is bound, another's is not.

  --quick        half a minute, 4 tabs
  --minutes N    for so long (default: 5)
  --tabs NUMBER  of each browser (default: 10)
  --seed TEXT    the same plan of faults and acts again; the order in which the machine runs things stays its own
  --json FILE    writes the figures as JSON
  --help

CHROMIUM_PATH is the browser (default: /usr/bin/chromium). openssl makes the certificate.
`;

const flags = readFlags(HELP, {
  quick: { type: "boolean", default: false },
  minutes: { type: "string" },
  tabs: { type: "string" },
  seed: { type: "string" },
});

await main();

async function main(): Promise<void> {
  const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) {
    process.stderr.write(`There is no browser at ${executablePath}: install Chromium, or set CHROMIUM_PATH.\n`);
    process.exitCode = 1;
    return;
  }
  const minutes = Number(flags.minutes ?? (flags.quick ? 0.5 : 5));
  const tabs = Number(flags.tabs ?? (flags.quick ? 4 : 10));
  const seed = flags.seed ?? randomBytes(6).toString("hex");
  process.stdout.write(`Two browsers of ${tabs} tabs for ${minutes} minutes, seed ${seed}\n`);
  const outcome = await runBrowserTrial({ seed, seconds: minutes * 60, tabs, executablePath });

  const { thieves, caught } = outcome;
  report(
    `Tabs of real browsers, seed ${seed}`,
    [
      some("refreshes granted", outcome.granted),
      some("of them new generations", outcome.rotations),
      ...Object.entries(outcome.faults).map(([kind, count]) => figure(`fault: ${kind}`, count)),
      ...Object.entries(outcome.mischief).map(([kind, count]) => figure(`act: ${kind}`, count)),
      some("times a page stood still", outcome.freezesFelt),
      exactly("false sign-outs", outcome.falseSignOuts.length, 0),
      exactly("tabs that did not recover", outcome.stuckTabs.length, 0),
      some("sign-outs that raced refreshes", outcome.signOutRaces),
      exactly("sessions left or brought back after them", outcome.revivals.length, 0),
      some("thieves with a copied jar, bound sessions", thieves.auto),
      exactly("of them refused, while the owner went on", caught.auto, thieves.auto),
      some("thieves with a copied jar, unbound sessions", thieves.off),
      exactly("of them caught, and the session ended", caught.off, thieves.off),
      some("requests forged by other hosts' pages", outcome.forgeries),
      exactly("of them refused", outcome.forgeriesRefused, outcome.forgeries),
      some("of them with the victim's session, by the browser", outcome.forgeriesWithSession),
      some("searches by a script in the page", outcome.probes),
      exactly("of them that found what a script may read", outcome.probesThatSaw, outcome.probes),
      exactly("refresh tokens found", outcome.tokensFound.length, 0),
      exactly("keys carried away", outcome.keysExported.length, 0),
      figure("time", outcome.seconds, "s"),
    ],
    flags.json,
  );
  const violations = {
    "false sign-out": outcome.falseSignOuts,
    "did not recover": outcome.stuckTabs,
    "left or brought back": outcome.revivals,
    "thief not caught": outcome.uncaught,
    "forged request": outcome.forgeriesGranted,
    "token found": outcome.tokensFound,
    "key exported": outcome.keysExported,
  };
  for (const [kind, lines] of Object.entries(violations)) {
    for (const line of lines.slice(0, 3)) process.stdout.write(`\n${kind}: ${line}\n`);
  }
}
