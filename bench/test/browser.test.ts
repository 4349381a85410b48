import { existsSync } from "node:fs";

import { expect, it } from "vitest";

import { runBrowserTrial } from "../browser/run-browser-trial.ts";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

it.skipIf(!existsSync(executablePath) && process.env["CI"] !== "true")(
  "BR-02 BR-05 G-04: in a real browser faults sign nobody out, sign-outs are final, scripts find no refresh token, forged requests are refused, copied jars caught",
  async () => {
    const outcome = await runBrowserTrial({ seed: "a short form", seconds: 5, tabs: 3, executablePath });
    expect(outcome).toMatchObject({
      falseSignOuts: [],
      stuckTabs: [],
      revivals: [],
      uncaught: [],
      forgeriesGranted: [],
      tokensFound: [],
      keysExported: [],
      forgeriesRefused: outcome.forgeries,
      probesThatSaw: outcome.probes,
      caught: outcome.thieves,
    });
    const { rotations, signOutRaces, forgeriesWithSession, probes } = outcome;
    for (const count of [rotations, signOutRaces, forgeriesWithSession, probes]) expect(count).toBeGreaterThan(0);
    for (const count of Object.values(outcome.thieves)) expect(count).toBeGreaterThan(0);
  },
  240_000,
);
