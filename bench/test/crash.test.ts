import { expect, it } from "vitest";

import { runCrashTrial } from "../crash/run-crash-trial.ts";

it("kill -9 under load, power cuts and a full replay sign nobody out and spend nothing twice", async () => {
  const outcome = await runCrashTrial({ seed: "a short form", rounds: 6, maxSeconds: 60, clients: 6 });
  expect(outcome).toMatchObject({ rounds: 6, signedOut: [], spentTwice: [] });
  expect(outcome.refreshes).toBeGreaterThan(0);
  expect(outcome.cutOff).toBeGreaterThan(0);
  expect(outcome.thieves).toBeGreaterThan(0);
  expect(outcome.thievesCaught).toBe(outcome.thieves);
}, 120_000);
