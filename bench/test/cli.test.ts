import { expect, it } from "vitest";

import { runCliTrial } from "../cli/run-cli-trial.ts";

it.each([
  ["with their lock", true],
  ["without a lock", false],
])(
  "processes on one credential folder, killed at random points, lose nothing (%s)",
  async (_, lock) => {
    const outcome = await runCliTrial({ seed: "a short form", processes: 4, refreshes: 12, lock, maxSeconds: 60 });
    expect(outcome).toMatchObject({ refreshes: 48, signOuts: 0, storeFaults: [], goesOn: true });
    expect(outcome.processesKilled).toBeGreaterThan(0);
    expect(outcome.rotations).toBeGreaterThanOrEqual(12);
  },
  120_000,
);
