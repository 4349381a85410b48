import { expect, it, onTestFinished } from "vitest";

import { runCrashTrial } from "../crash/run-crash-trial.ts";
import { openTemporarySqlite } from "../harness/sqlite-folder.ts";

it("kill -9 under load, power cuts and a full replay sign nobody out and spend nothing twice", async () => {
  const store = openTemporarySqlite();
  onTestFinished(() => store.close());
  const outcome = await runCrashTrial(store, {
    seed: "a short form",
    rounds: 6,
    maxSeconds: 60,
    clients: 6,
    kills: "server",
  });
  expect(outcome).toMatchObject({ rounds: 6, signedOut: [], spentTwice: [] });
  expect(outcome.refreshes).toBeGreaterThan(0);
  expect(outcome.cutOff).toBeGreaterThan(0);
  expect(outcome.thieves).toBeGreaterThan(0);
  expect(outcome.thievesCaught).toBe(outcome.thieves);
}, 120_000);
