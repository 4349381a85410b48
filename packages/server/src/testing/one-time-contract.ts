import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

import type { OneTimePurpose, OneTimeUse } from "../ports/one-time-store.ts";
import type { SessionBackend } from "../ports/store.ts";
import { NOW, sampleId } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

export function describeOneTimeUses(test: StoreTest<SessionBackend>): void {
  test("the first use counts, and no later one, on whatever node", async (open) => {
    const nodes = [await open(), await open()] as const;
    const [use, another] = [sampleUse(), sampleUse()];

    assert.equal(await nodes[0].oneTime.consume(use), true);
    assert.equal(await nodes[0].oneTime.consume(use), false);
    assert.equal(await nodes[1].oneTime.consume({ ...use, at: NOW + 1, expiresAt: NOW + 200 }), false);
    assert.equal(await nodes[1].oneTime.consume(another), true);
    assert.equal(await nodes[0].oneTime.consume(another), false);
  });

  test("of many at once, on several nodes, exactly one is the first", async (open) => {
    const nodes = [await open(), await open(), await open()];
    for (let round = 0; round < 5; round++) {
      const use = sampleUse();
      const firsts = await Promise.all(
        Array.from({ length: 30 }, async (_, index) => nodes[index % nodes.length]?.oneTime.consume(use)),
      );
      assert.equal(firsts.filter(Boolean).length, 1);
    }
  });

  test("many different ones at once are all firsts", async (open) => {
    const store = await open();
    const firsts = await Promise.all(Array.from({ length: 50 }, () => store.oneTime.consume(sampleUse())));
    assert.ok(firsts.every(Boolean));
  });

  test("what was used for one purpose is unused for another", async (open) => {
    const store = await open();
    const use = sampleUse();
    assert.equal(await store.oneTime.consume(use), true);
    assert.equal(await store.oneTime.consume({ ...use, purpose: "another purpose" as OneTimePurpose }), true);
  });

  test("a use outlives the node that it was answered by", async (open) => {
    const use = sampleUse();
    const before = await open();
    assert.equal(await before.oneTime.consume(use), true);
    await before.close();

    const after = await open();
    assert.equal(await after.oneTime.consume(use), false);
  });

  test("a use is remembered until its time is over, however many come after it, and then forgotten", async (open) => {
    const store = await open();
    const short = { ...sampleUse(), expiresAt: NOW + 1 };
    const long = sampleUse();
    assert.equal(await store.oneTime.consume(short), true);
    assert.equal(await store.oneTime.consume(long), true);
    for (let others = 0; others < 20; others++) await store.oneTime.consume(sampleUse());
    assert.equal(await store.oneTime.consume({ ...short, at: NOW + 1 }), false);

    // By the clock of its own that a store may have, too.
    await delay(1_100);
    const later = NOW + 2;
    for (let others = 0; others < 20; others++) await store.oneTime.consume({ ...sampleUse(), at: later });
    assert.equal(await store.oneTime.consume({ ...short, at: later, expiresAt: later + 100 }), true);
    assert.equal(await store.oneTime.consume({ ...long, at: later }), false);
  });
}

function sampleUse(): OneTimeUse {
  return { purpose: "dpop-proof", hash: sampleId(), at: NOW, expiresAt: NOW + 100 };
}
