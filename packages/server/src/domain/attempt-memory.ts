/**
 * The attempt keys a session remembers: for each of its last generations, the hashes of the keys that came with the
 * refresh that exchanged it. They tell a late duplicate of an honest request from a thief's.
 */
export type AttemptMemory = readonly RememberedAttempts[];

export interface RememberedAttempts {
  /** The generation these attempts exchanged. */
  readonly generation: number;
  readonly keyHashes: readonly string[];
}

/** How many generations are remembered: more than a request can lag behind while its sender still waits for it. */
export const REMEMBERED_GENERATIONS = 8;

/**
 * Remembers, for one generation, the keys not seen before. A key seen before belongs to the generation it was first
 * seen with: the client sends its last few keys each time, and only the new one names the exchange at hand.
 */
export function rememberAttempts(
  memory: AttemptMemory,
  generation: number,
  keyHashes: readonly string[],
): AttemptMemory {
  const unseen = keyHashes.filter((hash) => !memory.some((entry) => entry.keyHashes.includes(hash)));
  if (unseen.length === 0) return memory;
  const before = memory.find((entry) => entry.generation === generation)?.keyHashes ?? [];
  const others = memory.filter(
    (entry) => entry.generation !== generation && entry.generation > generation - REMEMBERED_GENERATIONS,
  );
  return [...others, { generation, keyHashes: [...before, ...unseen] }].toSorted((a, b) => a.generation - b.generation);
}

/** Whether the key was remembered for another generation than this: then it says nothing about this one. */
export function isOfAnotherGeneration(memory: AttemptMemory, generation: number, keyHash: string): boolean {
  return memory.some((entry) => entry.generation !== generation && entry.keyHashes.includes(keyHash));
}

/** Whether one of the keys was remembered for this very generation. */
export function isRemembered(memory: AttemptMemory, generation: number, keyHashes: readonly string[]): boolean {
  const entry = memory.find((remembered) => remembered.generation === generation);
  return entry !== undefined && keyHashes.some((hash) => entry.keyHashes.includes(hash));
}
