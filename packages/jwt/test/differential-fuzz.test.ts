import { expect, test } from "vitest";
import { fuzz, stricterThanJose } from "./differential-fuzz.ts";

test("jose and this package agree on thousands of odd tokens, but for the rules that are stricter here", async () => {
  const report = await fuzz(4000, 20_261_121);
  expect(report.unexplained).toEqual([]);
  // The generator still makes good tokens, bad tokens, and tokens for each of the rules.
  expect(report.acceptedByBoth).toBeGreaterThan(500);
  expect(report.refusedByBoth).toBeGreaterThan(500);
  expect(Object.keys(report.explained).toSorted()).toEqual(Object.keys(stricterThanJose).toSorted());
});
