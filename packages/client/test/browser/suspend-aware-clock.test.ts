import fc from "fast-check";
import { expect, test } from "vitest";

import { createSuspendAwareClock } from "../../src/browser/suspend-aware-clock.ts";

const DAY_MS = 86_400_000;

function clockWith(): { now: () => number; tick(mono: number, wall: number): void } {
  let mono = 1_000;
  let wall = 5 * DAY_MS;
  return {
    now: createSuspendAwareClock(
      () => mono,
      () => wall,
    ),
    tick(monoMs, wallMs) {
      mono += monoMs;
      wall += wallMs;
    },
  };
}

test("counts the time the device slept", () => {
  const clock = clockWith();
  clock.tick(1_000, 3_600_000);
  expect(clock.now()).toBe(3_601_000 - 1_000 + 1_000);
});

test("is not moved by a device clock that is set back a day", () => {
  const clock = clockWith();
  clock.tick(1_000, -DAY_MS);
  expect(clock.now()).toBe(2_000);
  clock.tick(1_000, 1_000);
  expect(clock.now()).toBe(3_000);
});

test("never goes back, and never runs slower than the monotonic clock", () => {
  const step = fc.record({ mono: fc.nat(100_000), wall: fc.integer({ min: -DAY_MS, max: DAY_MS }) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const clock = clockWith();
      let before = clock.now();
      for (const { mono, wall } of steps) {
        clock.tick(mono, wall);
        const after = clock.now();
        expect(after - before).toBeGreaterThanOrEqual(mono);
        before = after;
      }
    }),
  );
});
