import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { KeyPolicy, KeyTimes } from "../../src/domain/key-schedule.ts";
import {
  createReplacementLookup,
  NOTICE_SECONDS,
  planKeys,
  planRevocation,
  planRotation,
  signingKeyAt,
  stateOf,
} from "../../src/domain/key-schedule.ts";

const HOUR = 3_600;
const DAY = 86_400;
const policy: KeyPolicy = { publishAheadSeconds: 2 * HOUR, rotationSeconds: 30 * DAY, retainSeconds: 1_000 };

/** A ring of keys that does what the rules say, as nodes and a store do. */
function createRing() {
  let keys: readonly KeyTimes[] = [];
  let made = 0;
  const carryOut = (
    create: Pick<KeyTimes, "readyAt" | "activatesAt"> | undefined,
    change: readonly KeyTimes[],
    now: number,
  ) => {
    const changed = new Map(change.map((key) => [key.kid, key]));
    keys = keys.map((key) => changed.get(key.kid) ?? key);
    if (create === undefined) return;
    made += 1;
    const { retainSeconds } = policy;
    keys = [...keys, { kid: `k${made}`, createdAt: now, ...create, retainSeconds, revokedAt: null }];
  };
  return {
    get keys() {
      return keys;
    },
    keep(now: number, kept = policy) {
      for (let step = 0; step < 3; step++) {
        const { create, change } = planKeys(keys, now, kept);
        carryOut(create, change, now);
      }
    },
    rotate(now: number, kid = signingKeyAt(keys, now)?.kid ?? "") {
      const sooner = planRotation(keys, kid, now);
      carryOut(undefined, sooner === undefined ? [] : [sooner], now);
    },
    revoke(kid: string, now: number) {
      const { create, change } = planRevocation(keys, kid, now);
      carryOut(create, change, now);
    },
    states: (now: number) => keys.map((key) => `${key.kid} ${stateOf(key, keys, now)}`),
    signs: (now: number) => signingKeyAt(keys, now)?.kid,
  };
}

describe("the key schedule", () => {
  it("begins with a key that signs and one that is published for later", () => {
    const ring = createRing();
    ring.keep(100);
    expect(ring.states(100)).toEqual(["k1 active", "k2 next"]);
    expect(ring.keys[1]?.activatesAt).toBe(100 + 30 * DAY);
  });

  it("K-04 D-04: a key is published before it signs, and kept until what it signed has expired", () => {
    const ring = createRing();
    ring.keep(0);
    const handover = 30 * DAY;
    expect(ring.states(handover - 1)).toEqual(["k1 active", "k2 next"]);
    expect(ring.states(handover)).toEqual(["k1 retiring", "k2 active"]);
    expect(ring.states(handover + policy.retainSeconds - 1)).toEqual(["k1 retiring", "k2 active"]);
    expect(ring.states(handover + policy.retainSeconds)).toEqual(["k1 retired", "k2 active"]);
  });

  it("makes up for a rotation that was slept through: the next key signs at its time, whoever is awake", () => {
    const ring = createRing();
    ring.keep(0);
    ring.keep(90 * DAY);
    expect(ring.states(90 * DAY)).toEqual(["k1 retired", "k2 active", "k3 next"]);
    expect(ring.keys[2]?.activatesAt).toBe(90 * DAY + 2 * HOUR);
  });

  it("rotates on demand once the next key has been published for long enough, and not before", () => {
    const ring = createRing();
    ring.keep(0);
    ring.rotate(HOUR);
    expect(ring.keys[1]?.activatesAt).toBe(2 * HOUR);
    ring.keep(2 * HOUR);
    ring.rotate(5 * HOUR);
    expect(ring.keys[2]?.activatesAt).toBe(5 * HOUR + NOTICE_SECONDS);
  });

  it("rotates once for all who ask to replace the same key", () => {
    const ring = createRing();
    ring.keep(0);
    for (let node = 0; node < 8; node++) ring.rotate(DAY, "k1");
    ring.keep(DAY + NOTICE_SECONDS);
    for (let node = 0; node < 8; node++) ring.rotate(2 * DAY, "k1");
    ring.keep(2 * DAY);
    expect(ring.states(2 * DAY)).toEqual(["k1 retired", "k2 active", "k3 next"]);
  });

  it("revoked while it signs, a key is replaced at that moment by the one that is published already", () => {
    const ring = createRing();
    ring.keep(0);
    ring.revoke("k1", DAY);
    expect(ring.states(DAY)).toEqual(["k1 revoked", "k2 active"]);
  });

  it("where there is no next key, a new one signs at once", () => {
    const ring = createRing();
    ring.keep(0);
    ring.revoke("k2", DAY);
    ring.revoke("k1", DAY);
    expect(ring.states(DAY)).toEqual(["k1 revoked", "k2 revoked", "k3 active"]);
  });

  it("a next key that was revoked never signs, nor does it end the one before it", () => {
    const ring = createRing();
    ring.keep(0);
    ring.revoke("k2", DAY);
    expect(ring.signs(40 * DAY)).toBe("k1");
    ring.keep(DAY);
    expect(ring.states(30 * DAY)).toEqual(["k1 retiring", "k2 revoked", "k3 active"]);
  });

  it("plans the next rotation anew where keys are to sign for less long, and keeps keys for as long as tokens live now", () => {
    const ring = createRing();
    ring.keep(0);
    ring.keep(DAY, { ...policy, rotationSeconds: 7 * DAY, retainSeconds: 5_000 });
    expect(ring.keys[1]?.activatesAt).toBe(7 * DAY);
    expect(ring.keys.map((key) => key.retainSeconds)).toEqual([5_000, 5_000]);
  });

  it("whatever is done when: one key signs, published long enough unless in an emergency, and none that was revoked or superseded", () => {
    const action = fc.record({
      wait: fc.integer({ min: 0, max: 40 * DAY }),
      what: fc.constantFrom("keep", "rotate", "revoke active", "revoke next", "revoke oldest"),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
        const ring = createRing();
        let now = 1;
        let emergencies = 0;
        const order: string[] = [];
        ring.keep(now);
        for (const { wait, what } of actions) {
          now += wait;
          const active = ring.signs(now) ?? "";
          if (what === "rotate") ring.rotate(now);
          if (what.startsWith("revoke")) emergencies += 1;
          if (what === "revoke active") ring.revoke(active, now);
          if (what === "revoke next")
            ring.revoke(ring.keys.find((key) => stateOf(key, ring.keys, now) === "next")?.kid ?? "", now);
          if (what === "revoke oldest") ring.revoke(ring.keys[0]?.kid ?? "", now);
          ring.keep(now);

          const states = ring.keys.map((key) => stateOf(key, ring.keys, now));
          expect(states.filter((state) => state === "active")).toHaveLength(1);
          expect(states.filter((state) => state === "next")).toHaveLength(1);
          const signing = signingKeyAt(ring.keys, now);
          expect(signing?.revokedAt).toBeNull();
          const publishedFor = now - (signing?.createdAt ?? 0);
          const isReady = publishedFor >= policy.publishAheadSeconds;
          expect(isReady || signing?.kid === "k1" || emergencies > 0).toBe(true);
          if (order.at(-1) !== signing?.kid) order.push(signing?.kid ?? "");
        }
        expect(new Set(order).size).toBe(order.length);
      }),
    );
  });

  it("a moment that is past had the same key, whatever was rotated since", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 * DAY }), { minLength: 1, maxLength: 20 }), (waits) => {
        const ring = createRing();
        let now = 1;
        ring.keep(now);
        const told: (readonly [time: number, kid: string | undefined])[] = [];
        for (const [index, wait] of waits.entries()) {
          now += wait;
          ring.keep(now);
          told.push([now, ring.signs(now)]);
          if (index % 2 === 0) ring.rotate(now);
          for (const [time, kid] of told) expect(ring.signs(time)).toBe(kid);
        }
      }),
    );
  });
});

describe("the moments of a key that was revoked", () => {
  it("tell until when they had another than they have now, its successors' revocations too; others never had", () => {
    const ring = createRing();
    ring.keep(100);
    for (const now of [30 * DAY, 60 * DAY]) ring.keep(100 + now);
    const [first, second] = ring.keys;
    ring.revoke(first?.kid ?? "", 100 + 40 * DAY);
    const replacedUntil = () => [200, 100 + 31 * DAY, 100 + 61 * DAY].map(createReplacementLookup(ring.keys));
    expect(replacedUntil()).toEqual([100 + 40 * DAY + NOTICE_SECONDS, undefined, undefined]);
    const until = 100 + 61 * DAY + NOTICE_SECONDS;
    ring.revoke(second?.kid ?? "", 100 + 61 * DAY);
    expect(replacedUntil()).toEqual([until, until, undefined]);
  });
});
