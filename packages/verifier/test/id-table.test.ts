import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createIdTable } from "../src/revocation/id-table.ts";
import { createKeyedHash } from "../src/revocation/keyed-hash.ts";

describe("the table of revoked ids", () => {
  it("finds, whatever was added, forgotten and grown in between, what a Map finds", () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant("add" as const),
          id: fc.nat(1200),
          count: fc.integer({ min: 1, max: 200 }),
          lives: fc.integer({ min: 1, max: 100 }),
          value: fc.nat(9),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), seconds: fc.nat(60) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("sweep" as const), times: fc.nat(40) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30, size: "max" }), fc.boolean(), (steps, hasValues) => {
        const hash = createKeyedHash();
        const table = createIdTable(hash, { hasValues });
        // What has had its time may be forgotten at any moment, so that its value may count or not.
        const model = new Map<string, { until: number; least: number; most: number }>();
        let now = 1_800_000_000;
        let sweptAt = 0;
        for (const one of steps) {
          if (one.kind === "wait") now += one.seconds;
          else if (one.kind === "sweep") {
            for (let time = 0; time < one.times; time += 1) table.forget(now);
            sweptAt = one.times > 0 ? now : sweptAt;
          } else {
            for (let id = one.id; id < one.id + one.count; id += 1) {
              const name = `id-${id}`;
              hash.of(name);
              table.add(now + one.lives, one.value);
              const { until = 0, least = 0, most = 0 } = model.get(name) ?? {};
              model.set(name, {
                until: Math.max(until, now + one.lives),
                least: Math.max(until > sweptAt ? least : 0, one.value),
                most: Math.max(most, one.value),
              });
            }
          }
        }
        for (let id = 0; id < 1400; id += 1) {
          const name = `id-${id}`;
          hash.of(name);
          const found = table.find();
          const known = model.get(name);
          const mayBeAbsent = known === undefined || known.until <= now;
          const isRight =
            found === undefined
              ? mayBeAbsent
              : known !== undefined && (!hasValues || (known.least <= found && found <= known.most));
          if (!isRight) throw new Error(`${name} is ${found}, and should be ${JSON.stringify(known)} at ${now}`);
        }
        expect(table.size).toBeLessThanOrEqual(model.size);
      }),
      { numRuns: 100 },
    );
  });

  it("is empty again when everything has had its time, and it was swept once all around", () => {
    const hash = createKeyedHash();
    const table = createIdTable(hash, { hasValues: false });
    for (let id = 0; id < 10_000; id += 1) {
      hash.of(`id-${id}`);
      table.add(1000 + (id % 2), 0);
    }
    expect(table.size).toBe(10_000);
    for (let step = 0; step < 32; step += 1) table.forget(1000);
    expect(table.size).toBe(5_000);
    for (let step = 0; step < 32; step += 1) table.forget(1001);
    expect(table.size).toBe(0);
  });

  it("takes times that no 32 bits hold for the latest it knows", () => {
    const hash = createKeyedHash();
    const table = createIdTable(hash, { hasValues: true });
    hash.of("id");
    table.add(Number.MAX_SAFE_INTEGER, 2 ** 40);
    for (let step = 0; step < 32; step += 1) table.forget(4_000_000_000);
    expect(table.find()).toBe(2 ** 40);
  });
});

describe("the keyed hash", () => {
  function hashWith(key: Uint8Array, text: string): string {
    const hash = createKeyedHash(key);
    hash.of(text);
    return `${hash.low} ${hash.high}`;
  }
  const key = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);

  it("tells texts apart that differ in a character, in length, or in order", () => {
    const texts = ["", "\0", "\0\0", "a", "a\0", "ab", "ba", "abc", "abcd", "ab\u{1F600}", "ab\uD83D", "ab\uDE00"];
    expect(new Set(texts.map((text) => hashWith(key, text))).size).toBe(texts.length);
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        fc.pre(one !== other);
        expect(hashWith(key, one)).not.toBe(hashWith(key, other));
      }),
    );
  });

  it("is another one for each key, and one of its own for each process", () => {
    expect(hashWith(Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 9]), "id")).not.toBe(hashWith(key, "id"));
    const [one, other] = [createKeyedHash(), createKeyedHash()];
    one.of("id");
    other.of("id");
    expect([one.low, one.high]).not.toEqual([other.low, other.high]);
  });

  it("spreads ids that count up evenly over all 64 bits", () => {
    const hash = createKeyedHash(key);
    const ones = Array.from({ length: 64 }, () => 0);
    const count = 20_000;
    for (let id = 0; id < count; id += 1) {
      hash.of(`user-${id}`);
      for (let bit = 0; bit < 64; bit += 1)
        ones[bit] = (ones[bit] ?? 0) + (((bit < 32 ? hash.low : hash.high) >>> (bit % 32)) & 1);
    }
    // Five standard deviations.
    for (const one of ones) expect(Math.abs(one - count / 2)).toBeLessThan(5 * Math.sqrt(count / 4));
  });
});
