import assert from "node:assert/strict";

import type { KeyPurpose } from "../domain/key-schedule.ts";
import type { StoredKey } from "../ports/key-store.ts";
import type { Store } from "../ports/store.ts";
import { NOW, sampleId } from "./samples.ts";
import type { StoreTest } from "./test-database.ts";

export function describeKeys(test: StoreTest<Store>): void {
  test("a key that is put comes back as it was, and a later one of its name takes its place", async (open) => {
    const store = await open();
    const [key, other] = [sampleKey(), sampleKey({ purpose: "refresh-token", createdAt: NOW + 1 })];
    assert.deepEqual(await store.keys.listKeys(), []);

    assert.deepEqual(await put(store, key), [key]);
    assert.deepEqual(await put(store, other), [key, other]);
    const revoked = { ...key, activatesAt: NOW + 7, retainSeconds: 9, revokedAt: NOW + 10, sealed: null };
    assert.deepEqual(await put(store, revoked), [revoked, other]);

    assert.deepEqual(await store.keys.listKeys(), [revoked, other]);
  });

  test("a sealed key of any size comes back as it was", async (open) => {
    const store = await open();
    const key = sampleKey({ sealed: "sealed ü\0".repeat(50_000), createdAt: 2 ** 45 });
    assert.deepEqual(await put(store, key), [key]);
    assert.deepEqual(await store.keys.listKeys(), [key]);
  });

  test("who decides has read what was decided before: of many nodes at once, one makes the key", async (open) => {
    const nodes = await Promise.all([open(), open(), open()]);
    const keys = Array.from({ length: 24 }, () => sampleKey());

    const agreed = await Promise.all(
      keys.map((key, index) => {
        const node = nodes[index % nodes.length];
        assert.ok(node);
        return node.keys.changeKeys((known) => (known.length === 0 ? { put: [key], events: [] } : undefined));
      }),
    );

    const [first] = agreed[0] ?? [];
    assert.ok(first !== undefined && keys.some((key) => key.kid === first.kid));
    for (const known of agreed) assert.deepEqual(known, [first]);
    for (const node of nodes) assert.deepEqual(await node.keys.listKeys(), [first]);
  });

  test("changes of many nodes at once are all made, one after the other", async (open) => {
    const nodes = await Promise.all([open(), open(), open()]);
    const key = sampleKey({ retainSeconds: 0 });
    const [first] = nodes;
    assert.ok(first);
    await put(first, key);

    await Promise.all(
      Array.from({ length: 30 }, (_, index) => {
        const node = nodes[index % nodes.length];
        assert.ok(node);
        return node.keys.changeKeys(([known]) => {
          assert.ok(known);
          return { put: [{ ...known, retainSeconds: known.retainSeconds + 1 }], events: [] };
        });
      }),
    );

    assert.deepEqual(await first.keys.listKeys(), [{ ...key, retainSeconds: 30 }]);
  });

  test("an event is appended with the change, and neither where the decision fails or changes nothing", async (open) => {
    const store = await open();
    const key = sampleKey();
    const event = {
      type: "key_revoked",
      userId: null,
      kid: key.kid,
      purpose: key.purpose,
      at: NOW,
      origin: { ip: null, userAgent: null },
    } as const;

    assert.deepEqual(await store.keys.changeKeys(() => undefined), []);
    await assert.rejects(
      store.keys.changeKeys(() => {
        throw new Error("cannot decide");
      }),
      /cannot decide/,
    );
    await store.keys.changeKeys(() => ({ put: [key], events: [event] }));

    assert.deepEqual(await store.keys.listKeys(), [key]);
    const [listed, ...others] = await store.events.listEvents(0, 10);
    assert.deepEqual({ ...listed, sequence: 0 }, { ...event, sequence: 0 });
    assert.deepEqual(others, []);
  });
}

function put(store: Store, key: StoredKey): Promise<readonly StoredKey[]> {
  return store.keys.changeKeys(() => ({ put: [key], events: [] }));
}

function sampleKey(changes: Partial<StoredKey> & { readonly purpose?: KeyPurpose } = {}): StoredKey {
  return {
    kid: sampleId(),
    purpose: "access-token",
    alg: "ES256",
    createdAt: NOW,
    readyAt: NOW,
    activatesAt: NOW,
    retainSeconds: 600,
    revokedAt: null,
    sealed: `sealed ${sampleId()}`,
    ...changes,
  };
}
