import assert from "node:assert/strict";

import type { KeyPurpose, StoredKey } from "../ports/key-store.ts";
import type { Store } from "../ports/store.ts";
import { NOW, sampleId } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

export function describeKeys(test: StoreTest<Store>): void {
  test("the first key of a purpose is kept, and later ones get it for an answer", async (open) => {
    const store = await open();
    const [first, second] = [sampleKey("access-token"), sampleKey("access-token")];
    assert.deepEqual(await store.keys.listKeys("access-token"), []);

    assert.deepEqual(await store.keys.createFirstKey(first), first);
    assert.deepEqual(await store.keys.createFirstKey(second), first);

    assert.deepEqual(await store.keys.listKeys("access-token"), [first]);
  });

  test("each purpose has a first key of its own", async (open) => {
    const store = await open();
    const [access, refresh] = [sampleKey("access-token"), sampleKey("refresh-token")];

    assert.deepEqual(await store.keys.createFirstKey(access), access);
    assert.deepEqual(await store.keys.listKeys("refresh-token"), []);
    assert.deepEqual(await store.keys.createFirstKey(refresh), refresh);

    assert.deepEqual(await store.keys.listKeys("access-token"), [access]);
    assert.deepEqual(await store.keys.listKeys("refresh-token"), [refresh]);
  });

  test("however many nodes start at once on an empty store, they agree on one key", async (open) => {
    const nodes = await Promise.all([open(), open(), open()]);
    const keys = Array.from({ length: 21 }, () => sampleKey("refresh-token"));

    const agreed = await Promise.all(
      keys.map((key, index) => {
        const node = nodes[index % nodes.length];
        assert.ok(node);
        return node.keys.createFirstKey(key);
      }),
    );

    const [first] = agreed;
    assert.ok(first !== undefined && keys.some((key) => key.kid === first.kid));
    for (const key of agreed) assert.deepEqual(key, first);
    for (const node of nodes) assert.deepEqual(await node.keys.listKeys("refresh-token"), [first]);
  });

  test("a sealed key of any size comes back as it was", async (open) => {
    const store = await open();
    const key = { ...sampleKey("access-token"), sealed: "sealed ü\0".repeat(50_000), createdAt: 2 ** 45 };
    assert.deepEqual(await store.keys.createFirstKey(key), key);
    assert.deepEqual(await store.keys.listKeys("access-token"), [key]);
  });
}

function sampleKey(purpose: KeyPurpose): StoredKey {
  return { kid: sampleId(), purpose, alg: "ES256", createdAt: NOW, sealed: `sealed ${sampleId()}` };
}
