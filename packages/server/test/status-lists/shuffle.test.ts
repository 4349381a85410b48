import { describe, expect, it } from "vitest";

import { sessionIdAt, STATUS_LIST_SIZE, statusPlaceOf } from "../../src/domain/status-place.ts";
import { createShuffle } from "../../src/status-lists/shuffle.ts";

const shuffle = createShuffle(new Uint8Array(32).fill(1));
const placesOf = (from: number, count: number, place = shuffle) =>
  Array.from({ length: count }, (_, offset) => place(from + offset));

describe("the order in which a status list is filled", () => {
  it("gives no index twice", () => {
    const indexes = placesOf(0, 20_000).map(({ index }) => index);
    expect(new Set(indexes).size).toBe(20_000);
    expect(Math.min(...indexes)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...indexes)).toBeLessThan(STATUS_LIST_SIZE);
  });

  it("fills one list before the next", () => {
    expect(new Set(placesOf(STATUS_LIST_SIZE - 100, 100).map(({ list }) => list))).toEqual(new Set([0]));
    expect(new Set(placesOf(STATUS_LIST_SIZE, 100).map(({ list }) => list))).toEqual(new Set([1]));
  });

  it("spreads the first places evenly over the list, and neighbours far apart", () => {
    const quarters = placesOf(0, 4_000).map(({ index }) => Math.floor((4 * index) / STATUS_LIST_SIZE));
    for (const quarter of [0, 1, 2, 3]) {
      expect(Math.abs(quarters.filter((other) => other === quarter).length - 1_000)).toBeLessThan(150);
    }
  });

  it("is another under another key, and in another list", () => {
    const order = placesOf(0, 10).map(({ index }) => index);
    expect(placesOf(0, 10, createShuffle(new Uint8Array(32).fill(2))).map(({ index }) => index)).not.toEqual(order);
    expect(placesOf(STATUS_LIST_SIZE, 10).map(({ index }) => index)).not.toEqual(order);
  });
});

describe("a session's id", () => {
  it.each([
    { list: 0, index: 0 },
    { list: 0, index: STATUS_LIST_SIZE - 1 },
    { list: 123_456, index: 7 },
  ])("tells its place: %o", (place) => {
    expect(statusPlaceOf(sessionIdAt("random", place))).toEqual(place);
  });

  it.each(["q83vEjRWeJCrze8SNFZ4kA", "random.", "random.A", "random.-1"])("without a place has none: %s", (id) => {
    expect(statusPlaceOf(id)).toBeUndefined();
  });
});
