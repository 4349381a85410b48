import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatAttemptCookie, MAX_ATTEMPT_KEYS, parseAttemptKeyGeneration, parseAttemptKeys } from "../src/index.ts";

const key = fc.stringMatching(/^[A-Za-z0-9_-]{16,128}$/);

describe("attempt keys", () => {
  it("read back from a cookie as they were written, newest first", () => {
    fc.assert(
      fc.property(fc.uniqueArray(key, { minLength: 1, maxLength: 8 }), (keys) => {
        expect(parseAttemptKeys(formatAttemptCookie(keys))).toEqual(keys.slice(0, MAX_ATTEMPT_KEYS));
      }),
    );
  });

  it("may stand in a header with commas and white space", () => {
    const [a, b] = ["a".repeat(16), "b".repeat(128)];
    expect(parseAttemptKeys(`${a},  ${b}`)).toEqual([a, b]);
  });

  it("may name the generation they are for", () => {
    expect(parseAttemptKeyGeneration("gen-12-abcdefghijkl")).toBe(12);
    for (const key of ["12-abcdefghijklmn", "gen-012-abcdefghij", "gen--1-abcdefghijk", "generation-1-abcde"]) {
      expect(parseAttemptKeyGeneration(key)).toBeUndefined();
    }
  });

  it.each([
    ["nothing", ""],
    ["a short key", "a".repeat(15)],
    ["a long key", "a".repeat(129)],
    ["other characters", `${"a".repeat(16)}!`],
    ["a trailing comma", `${"a".repeat(16)},`],
    ["the same key twice", `${"a".repeat(16)},${"a".repeat(16)}`],
    ["five keys", [1, 2, 3, 4, 5].map((n) => `${n}`.repeat(16)).join(",")],
    ["a megabyte", "a".repeat(1_000_000)],
  ])("are malformed as %s", (_what, text) => {
    expect(parseAttemptKeys(text)).toBeUndefined();
  });
});
