import type { World } from "./world.ts";
import { PATIENCE } from "./world.ts";

/** Remembers states by 63 bits of hash each, and for each the step that first led to it. */
export interface SeenStates {
  readonly count: () => number;
  /** The number of a state not seen before; `undefined` for one that was. */
  add(world: World, from: { readonly parent: number; readonly step: number }): number | undefined;
  /** The steps, by their numbers, that lead from the start to a state. */
  pathTo(state: number): readonly number[];
}

/**
 * Hash compaction (Holzmann): two states with one hash would be taken for one. With 63 bits the chance that this has hidden
 * any of n states is below n² / 2⁶⁴: one in 180,000 at ten million states.
 */
export function createSeenStates(): SeenStates {
  let capacity = 1 << 16;
  let high = new Uint32Array(capacity);
  let low = new Uint32Array(capacity);
  let parents = new Uint32Array(capacity);
  let steps = new Uint16Array(capacity);
  let count = 0;

  function insert(a: number, b: number): boolean {
    const mask = capacity - 1;
    for (let at = a & mask; ; at = (at + 1) & mask) {
      if (high[at] === 0 && low[at] === 0) {
        high[at] = a;
        low[at] = b;
        return true;
      }
      if (high[at] === a && low[at] === b) return false;
    }
  }

  function grow(): void {
    const [oldHigh, oldLow] = [high, low];
    capacity *= 2;
    high = new Uint32Array(capacity);
    low = new Uint32Array(capacity);
    for (let at = 0; at < oldHigh.length; at++) {
      const [a = 0, b = 0] = [oldHigh[at], oldLow[at]];
      if (a !== 0 || b !== 0) insert(a, b);
    }
    const [longerParents, longerSteps] = [new Uint32Array(capacity), new Uint16Array(capacity)];
    longerParents.set(parents);
    longerSteps.set(steps);
    [parents, steps] = [longerParents, longerSteps];
  }

  return {
    count: () => count,
    add(world, from) {
      const numbers = numbersOf(world);
      const a = hash(numbers, 0x9e3779b9);
      // Never both 0, which marks an empty place.
      const b = (hash(numbers, 0x85ebca6b) | 1) >>> 0;
      if (!insert(a, b)) return undefined;
      const state = count++;
      parents[state] = from.parent;
      steps[state] = from.step;
      if (count * 3 > capacity * 2) grow();
      return state;
    },
    pathTo(state) {
      const path: number[] = [];
      for (let at = state; at !== 0; at = parents[at] ?? 0) path.unshift(steps[at] ?? 0);
      return path;
    },
  };
}

/** A state as numbers: equal for equal states, and only for them. */
function numbersOf(world: World): readonly number[] {
  const { left } = world;
  const numbers = [world.row.index, world.jar.index, world.thief.index, world.keysMade, world.now];
  numbers.push(
    world.newestHeld,
    Number(world.setFarBack),
    PATIENCE.indexOf(world.patience),
    Number(world.revoked),
    left.sends,
    left.duplicates,
    left.thiefSends,
    left.crashes,
    left.signOuts,
  );
  numbers.push(left.ticks, left.jarCrashes, left.tornSends);
  for (const bag of [world.older, world.olderJars, world.requests, world.jobs, world.answers]) {
    numbers.push(bag.length);
    for (const one of bag) numbers.push(one.index);
  }
  return numbers;
}

/** MurmurHash3, 32 bits, over whole numbers. */
function hash(numbers: readonly number[], seed: number): number {
  let h = seed;
  for (const number of numbers) {
    let k = Math.imul(number, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  h ^= numbers.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
