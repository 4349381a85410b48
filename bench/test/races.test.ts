import { expect, it, onTestFinished } from "vitest";

import { openTemporarySqlite } from "../harness/sqlite-folder.ts";
import { runRaces } from "../races/run-races.ts";

it("fifty redemptions of one token on two processes: one successor with one key, one success and the end with fifty", async () => {
  const store = openTemporarySqlite();
  onTestFinished(() => store.close());
  const outcome = await runRaces(store, { rounds: 4, maxSeconds: 60 });
  expect(outcome).toMatchObject({ rounds: 4, oneKeyOneSuccessor: 4, manyKeysOneSuccess: 4, faults: [] });
  expect(Math.min(...outcome.answeredBy)).toBeGreaterThan(0);
}, 120_000);
