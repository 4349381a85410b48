import { randomBytes } from "node:crypto";

import { formatAttemptCookie, parseAttemptKeys } from "@latchkey/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";

import { chooseAttemptKeys } from "../../src/core/attempt-key-choice.ts";

const credentials = (generation: number) => ({ generation, version: `${generation}.${"m".repeat(43)}` });

test("each generation gets one key, however often it is tried; the last four stay, newest first", () => {
  const runs = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(runs, (triesPerGeneration) => {
      let stored: string | undefined;
      const used: string[] = [];
      for (const [generation, tries] of triesPerGeneration.entries()) {
        const keys = Array.from({ length: tries }, () => {
          const chosen = chooseAttemptKeys(credentials(generation), stored, randomBytes);
          stored = formatAttemptCookie(chosen);
          return chosen[0] ?? "";
        });
        expect(new Set(keys).size).toBe(1);
        expect(keys[0]).toMatch(new RegExp(`^gen-${generation}-[0-9a-v]{26}$`));
        used.unshift(keys[0] ?? "");
        expect(parseAttemptKeys(stored ?? "")).toEqual(used.slice(0, 4));
      }
    }),
  );
});

test("a jar that went back asks again under the key of that generation", () => {
  const stored = "gen-7-aaaaaaaaaaaaaaaa.gen-6-bbbbbbbbbbbbbbbb.gen-5-cccccccccccccccc";
  expect(chooseAttemptKeys(credentials(6), stored, randomBytes)).toEqual([
    "gen-6-bbbbbbbbbbbbbbbb",
    "gen-7-aaaaaaaaaaaaaaaa",
    "gen-5-cccccccccccccccc",
  ]);
});

test("who insists makes a second key for the generation, once, and keeps the first", () => {
  const stored = "gen-7-aaaaaaaaaaaaaaaa.gen-6-bbbbbbbbbbbbbbbb.gen-5-cccccccccccccccc";
  const insisting = chooseAttemptKeys(credentials(6), stored, randomBytes, true);
  expect(insisting).toEqual([
    expect.stringMatching(/^gen-6-[0-9a-v]{26}$/),
    "gen-7-aaaaaaaaaaaaaaaa",
    "gen-6-bbbbbbbbbbbbbbbb",
    "gen-5-cccccccccccccccc",
  ]);
  for (const insists of [true, false]) {
    expect(chooseAttemptKeys(credentials(6), formatAttemptCookie(insisting), randomBytes, insists)).toEqual(insisting);
  }
});

test("generation 1 does not take the key of generation 11 for its own", () => {
  expect(chooseAttemptKeys(credentials(1), "gen-11-aaaaaaaaaaaaaaaa", randomBytes)[0]).toMatch(/^gen-1-/);
});

test("whatever is stored, the outcome is a well-formed list", () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), (stored, generation) => {
      const keys = chooseAttemptKeys(credentials(generation), stored, randomBytes);
      expect(parseAttemptKeys(formatAttemptCookie(keys))).toEqual(keys);
    }),
  );
});

test("without a readable generation the version stands in for it", () => {
  const odd = { generation: undefined, version: "odd version; of? another=format" };
  const [first = ""] = chooseAttemptKeys(odd, undefined, randomBytes);
  expect(parseAttemptKeys(first)).toEqual([first]);
  expect(chooseAttemptKeys(odd, first, randomBytes)).toEqual([first]);
  expect(chooseAttemptKeys({ ...odd, version: "next" }, first, randomBytes)[0]).not.toBe(first);
});
