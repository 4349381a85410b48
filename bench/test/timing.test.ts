import { describe, expect, it } from "vitest";

import { createSeededRandom } from "../harness/seeded-random.ts";
import { compare } from "../timing/compare.ts";

/** Times as a server's are: a floor, and a long tail. */
function times(seed: string, options: { readonly count: number; readonly shift: number }): number[] {
  const random = createSeededRandom(seed);
  return Array.from({ length: options.count }, () => 20 + options.shift - 2 * Math.log(1 - random.next()));
}

describe("the comparison of times", () => {
  it("PW-05: finds nothing in samples of one distribution", () => {
    const random = createSeededRandom("resampling");
    const found = compare(times("a", { count: 2_000, shift: 0 }), times("b", { count: 2_000, shift: 0 }), random);
    expect(found.probability).toBeGreaterThan(0.001);
    expect(Math.abs(found.superiority - 0.5)).toBeLessThan(0.03);
    expect(found.difference.low).toBeLessThan(0);
    expect(found.difference.high).toBeGreaterThan(0);
  });

  it("PW-05: finds a fiftieth of the median, and says how much it is and in which direction", () => {
    const random = createSeededRandom("resampling");
    const found = compare(times("a", { count: 2_000, shift: 0 }), times("b", { count: 2_000, shift: 0.4 }), random);
    expect(found.probability).toBeLessThan(0.001);
    expect(found.superiority).toBeGreaterThan(0.55);
    expect(found.distance).toBeGreaterThan(0.1);
    expect(found.difference.low).toBeGreaterThan(0.1);
    expect(found.difference.high).toBeLessThan(0.7);
  });

  it("tells with certainty what never overlaps", () => {
    const random = createSeededRandom("resampling");
    expect(compare([1, 2, 3], [4, 5, 6], random)).toMatchObject({ superiority: 1, distance: 1 });
    expect(compare([4, 5, 6], [1, 2, 3], random)).toMatchObject({ superiority: 0, distance: 1 });
  });
});
