import type { AttemptMemory } from "../domain/attempt-memory.ts";

/** Attempts as `[[generation, hash, …], …]`: half as long as with names, in the one column that grows with use. */
export function attemptsText(attempts: AttemptMemory): string {
  return JSON.stringify(attempts.map(({ generation, keyHashes }) => [generation, ...keyHashes]));
}

export function attemptsOf(text: string): AttemptMemory {
  const entries = JSON.parse(text) as readonly (readonly [number, ...string[]])[];
  return entries.map(([generation, ...keyHashes]) => ({ generation, keyHashes }));
}
