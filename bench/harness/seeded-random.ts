/** Random numbers that a seed brings back (sfc32). For plans and schedules, never for secrets. */
export interface SeededRandom {
  /** From 0 up to, and not including, 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** A text of so many characters that fits an attempt key. */
  text(length: number): string;
  /** An independent stream, so that what one client does never shifts another's plan. */
  fork(label: string): SeededRandom;
}

export function createSeededRandom(seed: string): SeededRandom {
  const state = hashed(seed);
  let [a, b, c, d] = state;
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round++) next();
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick: (items) => items[Math.floor(next() * items.length)] ?? items[0],
    text: (length) => Array.from({ length }, () => between(0, 31).toString(32)).join(""),
    fork: (label) => createSeededRandom(`${seed}/${label}`),
  };
}

/** Four words of a text (FNV-1a, four offsets). */
function hashed(text: string): [number, number, number, number] {
  const word = (offset: number): number => {
    let hash = offset;
    for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16_777_619);
    return hash | 0;
  };
  return [word(2_166_136_261), word(374_761_393), word(668_265_263), word(1_274_126_177)];
}
