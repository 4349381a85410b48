import assert from "node:assert/strict";

import type { Store } from "../ports/store.ts";
import type { StoreTest } from "./test-database.ts";

const WORK = { name: "work", leaseMs: 60_000, startAt: 4 };

export function describeConsumers(test: StoreTest<Store>): void {
  test("of nodes that claim at once one gets the work; it keeps it, and releases it to another", async (open) => {
    const nodes = [await open(), await open(), await open()];
    const claims = await Promise.all(
      nodes.map((node, index) => node.consumers.claim({ ...WORK, holder: `node ${index}` })),
    );
    const winner = claims.findIndex((claim) => claim !== undefined);
    assert.equal(claims.filter((claim) => claim !== undefined).length, 1);
    assert.deepEqual(claims[winner], { position: 4, failures: 0, waitMs: 0 });

    const [store] = nodes;
    assert.ok(store);
    assert.ok(await store.consumers.claim({ ...WORK, holder: `node ${winner}` }));
    assert.equal(await store.consumers.claim({ ...WORK, holder: "late" }), undefined);
    await store.consumers.release({ name: "work", holder: "late" });
    assert.equal(await store.consumers.claim({ ...WORK, holder: "late" }), undefined);
    await store.consumers.release({ name: "work", holder: `node ${winner}` });
    assert.ok(await store.consumers.claim({ ...WORK, holder: "late" }));
  });

  test("work whose holder says nothing for the time of its lease goes to another, and its old holder is told", async (open) => {
    const { consumers } = await open();
    await consumers.claim({ ...WORK, holder: "one", leaseMs: 30 });
    await new Promise((resolve) => {
      setTimeout(resolve, 60);
    });
    assert.ok(await consumers.claim({ ...WORK, holder: "other" }));
    const late = { ...WORK, holder: "one", position: 9, failures: 0, waitMs: 0 };
    assert.equal(await consumers.advance(late), false);
    assert.equal((await consumers.claim({ ...WORK, holder: "other" }))?.position, 4);
  });

  test("progress is kept, and how long is left to wait", async (open) => {
    const { consumers } = await open();
    await consumers.claim({ ...WORK, holder: "one" });
    assert.equal(await consumers.advance({ ...WORK, holder: "one", position: 9, failures: 2, waitMs: 50_000 }), true);
    const state = await consumers.claim({ ...WORK, holder: "one", startAt: 0 });
    assert.equal(state?.position, 9);
    assert.equal(state.failures, 2);
    assert.ok(state.waitMs > 40_000 && state.waitMs <= 50_000, String(state.waitMs));
    assert.equal((await consumers.claim({ ...WORK, name: "other work", holder: "two" }))?.position, 4);
  });
}
