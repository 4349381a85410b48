import type { KeyedHash } from "./keyed-hash.ts";

/**
 * Ids, each with the time until which it matters and, where the table has values, a number. Both only grow: of two
 * entries for one id, the later time and the larger number stay.
 *
 * It keeps 64 bits of a keyed hash in place of the id: 12 bytes an entry, 17 with what open addressing leaves free. An id that
 * is in the table is always found. One that is not is found by mistake with a chance of 1 in 18,000,000,000,000 at a million
 * entries: at 30,000 look-ups a second, one honest token is refused for some minutes in 19 years. Whole ids, as strings in a Map,
 * would take several times the memory, on the heap that garbage collections walk.
 */
export interface IdTable {
  /** How many entries there are, those not yet forgotten included. */
  readonly size: number;
  /** Takes in the id in `hash`; whether anything changed that a look-up could see. */
  add(until: number, value: number): boolean;
  /** The value of the id in `hash`; `undefined` where it is not here. */
  find(): number | undefined;
  /** Looks through the next part of the table, and drops what has had its time. */
  forget(now: number): void;
}

// The table is made of small ones, found by the hash: none of them takes a millisecond to be grown or swept.
const SHARDS = 256;
const SHARDS_PER_SWEEP = 8;
const WORDS = 3; // low, high, until; a free slot has until 0
const MIN_SLOTS = 8;
const MAX_LOAD = 0.8;
/** A random one in between, so that the small tables, which fill evenly, are not all remade at once. */
const LOAD_WHEN_MADE = { least: 0.5, most: 0.7 };
const LATEST = 0xffff_ffff; // the year 2106

interface Shard {
  slots: Uint32Array;
  values: Float64Array | undefined;
  used: number;
}

export function createIdTable(hash: KeyedHash, options: { readonly hasValues: boolean }): IdTable {
  const shards: (Shard | undefined)[] = [];
  let size = 0;
  let nextToSweep = 0;
  let time = 0;

  function makeShard(entries: number): Shard {
    const load = LOAD_WHEN_MADE.least + Math.random() * (LOAD_WHEN_MADE.most - LOAD_WHEN_MADE.least);
    const count = Math.max(MIN_SLOTS, Math.ceil(entries / load));
    return {
      slots: new Uint32Array(count * WORDS),
      values: options.hasValues ? new Float64Array(count) : undefined,
      used: 0,
    };
  }

  /** Without the entries that have had their time. */
  function remake(shard: Shard): void {
    const { slots, values } = shard;
    const made = makeShard(countLive(slots, time) + 1);
    for (let at = 0; at < slots.length; at += WORDS) {
      const until = slots[at + 2] ?? 0;
      if (until <= time) continue;
      const [low, high] = [slots[at] ?? 0, slots[at + 1] ?? 0];
      const to = findSlot(made.slots, low, high);
      made.slots[to] = low;
      made.slots[to + 1] = high;
      made.slots[to + 2] = until;
      if (made.values !== undefined) made.values[to / WORDS] = values?.[at / WORDS] ?? 0;
      made.used += 1;
    }
    size += made.used - shard.used;
    shard.slots = made.slots;
    shard.values = made.values;
    shard.used = made.used;
  }

  return {
    get size() {
      return size;
    },

    add(until, value) {
      const { low, high } = hash;
      const shard = (shards[high % SHARDS] ??= makeShard(0));
      if ((shard.used + 1) * WORDS > shard.slots.length * MAX_LOAD) remake(shard);
      const { slots, values } = shard;
      const at = findSlot(slots, low, high);
      const isNew = slots[at + 2] === 0;
      if (isNew) {
        slots[at] = low;
        slots[at + 1] = high;
        shard.used += 1;
        size += 1;
      }
      slots[at + 2] = Math.max(slots[at + 2] ?? 0, Math.min(until, LATEST));
      if (values === undefined) return isNew;
      const before = values[at / WORDS] ?? 0;
      values[at / WORDS] = isNew ? value : Math.max(before, value);
      return isNew || value > before;
    },

    find() {
      const { low, high } = hash;
      const shard = shards[high % SHARDS];
      if (shard === undefined) return undefined;
      const at = findSlot(shard.slots, low, high);
      if (shard.slots[at + 2] === 0) return undefined;
      return shard.values === undefined ? 0 : shard.values[at / WORDS];
    },

    forget(now) {
      time = now;
      if (size === 0) return;
      for (let count = 0; count < SHARDS_PER_SWEEP; count += 1) {
        const shard = shards[nextToSweep];
        if (shard !== undefined) {
          const live = countLive(shard.slots, now);
          if (live === 0) {
            size -= shard.used;
            shards[nextToSweep] = undefined;
          } else if (live <= shard.used * 0.9) remake(shard);
        }
        nextToSweep = (nextToSweep + 1) % SHARDS;
      }
    },
  };
}

/** Where the entry is, or the free slot where it belongs; there always is one. */
function findSlot(slots: Uint32Array, low: number, high: number): number {
  let at = Math.floor((low * (slots.length / WORDS)) / 2 ** 32) * WORDS;
  while (slots[at + 2] !== 0 && (slots[at] !== low || slots[at + 1] !== high)) {
    at += WORDS;
    if (at === slots.length) at = 0;
  }
  return at;
}

function countLive(slots: Uint32Array, now: number): number {
  let live = 0;
  for (let at = 2; at < slots.length; at += WORDS) if ((slots[at] ?? 0) > now) live += 1;
  return live;
}
