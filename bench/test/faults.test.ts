import { expect, it, onTestFinished } from "vitest";

import { planFault } from "../faults/fault-plan.ts";
import { runFaultTrial } from "../faults/run-trial.ts";
import { createTokenLedger } from "../faults/token-ledger.ts";
import { createSeededRandom } from "../harness/seeded-random.ts";
import { openTemporarySqlite } from "../harness/sqlite-folder.ts";

it("lost, delayed, duplicated and re-ordered messages sign nobody out, and every thief is caught", async () => {
  const store = openTemporarySqlite();
  onTestFinished(() => store.close());
  const outcome = await runFaultTrial(store, {
    seed: "a short form",
    refreshes: 1_200,
    maxSeconds: 60,
    bodyClients: 10,
    jars: 3,
    thefts: 12,
  });
  expect(outcome.violations).toEqual([]);
  expect(outcome.rotations).toBeGreaterThanOrEqual(1_200);
  expect(outcome.thieves).toBeGreaterThan(0);
  expect(outcome.caught).toBe(outcome.thieves);
  expect(Object.keys(outcome.faults).toSorted()).toEqual([
    "delay",
    "drop-request",
    "drop-response",
    "duplicate",
    "none",
    "overtaken",
  ]);
}, 120_000);

it("the same seed plans the same faults, another seed others", () => {
  const plan = (seed: string): string => {
    const random = createSeededRandom(seed);
    return JSON.stringify(Array.from({ length: 200 }, () => planFault(random)));
  };
  expect(plan("one")).toBe(plan("one"));
  expect(plan("two")).not.toBe(plan("one"));
});

it("the ledger tells two tokens of one generation from one token given twice", () => {
  const token = (generation: number, secret: string): string =>
    `e30.${Buffer.from(JSON.stringify({ sid: "session", gen: generation, jti: secret })).toString("base64url")}.mac`;
  const ledger = createTokenLedger();
  expect(ledger.record(token(1, "a"), token(0, "0"))).toBeUndefined();
  expect(ledger.record(token(1, "a"), token(0, "0"))).toBeUndefined();
  expect(ledger.rotations).toBe(1);
  expect(ledger.record(token(1, "b"), token(0, "0"))).toBe("generation 1 has two tokens");
  expect(ledger.record(token(3, "c"), token(1, "a"))).toBe("generation 1 was exchanged for 3");
});
