import assert from "node:assert/strict";

import type { Store } from "../ports/store.ts";
import type { StoreTest } from "./test-database.ts";

export function describeStatusPlaces(test: StoreTest<Store>): void {
  test("places are numbered from 0 on, without a gap", async (open) => {
    const store = await open();
    assert.equal(await store.statusPlaces.lease(64), 0);
    assert.equal(await store.statusPlaces.lease(1), 64);
    assert.equal(await store.statusPlaces.lease(64), 65);
  });

  test("no place is given to two nodes, however many lease at once", async (open) => {
    const nodes = await Promise.all([open(), open(), open()]);
    const leased = await Promise.all(
      nodes.flatMap((node) => Array.from({ length: 10 }, async () => node.statusPlaces.lease(7))),
    );
    assert.deepEqual(
      leased.toSorted((one, other) => one - other),
      Array.from({ length: 30 }, (_, index) => index * 7),
    );
  });
}
