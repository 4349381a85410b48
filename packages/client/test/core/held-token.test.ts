import fc from "fast-check";
import { expect, test } from "vitest";

import { backoffMs } from "../../src/core/backoff.ts";
import { timesOf } from "../../src/core/held-token.ts";

const jitter = fc.double({ min: 0, max: 0.999, noNaN: true });

test("the next token is fetched before the last one stops being handed out, unless the answer came too late", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3_600 }), jitter, (lifeSeconds, jitter) => {
      const lifeMs = lifeSeconds * 1_000;
      const times = timesOf({ bornAtMs: 5, lifeMs, nowMs: 5, jitter });
      expect(times.refreshAtMs).toBeLessThan(times.freshUntilMs);
      expect(times.freshUntilMs).toBeLessThan(times.expiresAtMs);
      expect(times.expiresAtMs).toBe(5 + lifeMs);
    }),
  );
});

test("a token that was dead on arrival makes no storm", () => {
  const times = timesOf({ bornAtMs: 0, lifeMs: 2_000, nowMs: 9_000, jitter: 0 });
  expect(times.freshUntilMs).toBeLessThan(9_000);
  expect(times.refreshAtMs).toBe(9_500);
});

test("waits grow to a minute, never shorter than Retry-After, and never for ever", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), jitter, fc.nat(999_999), (failures, jitter, retryAfter) => {
      const wait = backoffMs(failures, jitter, retryAfter);
      expect(wait).toBeGreaterThanOrEqual(Math.min(600_000, retryAfter * 1_000) + 500);
      expect(wait).toBeLessThanOrEqual(660_000);
    }),
  );
  expect(backoffMs(1, 0, undefined)).toBe(1_000);
  expect(backoffMs(99, 0, undefined)).toBe(60_000);
});
