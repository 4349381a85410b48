import { MAX_ATTEMPT_KEYS } from "@latchkey/protocol";

import type { SeededRandom } from "../harness/seeded-random.ts";

const KEY_LENGTH = 26;

/** The keys to send for a refresh of this generation, newest first: its own, made once, and the last few before it. */
export function keysFor(generation: number, kept: readonly string[], random: SeededRandom): readonly string[] {
  const own = keyOf(generation, kept) ?? `gen-${generation}-${random.text(KEY_LENGTH)}`;
  return [own, ...kept.filter((key) => key !== own)].slice(0, MAX_ATTEMPT_KEYS);
}

/** A second key for this generation before the first, once: what a client sends that waited and got nothing newer. */
export function insist(generation: number, kept: readonly string[], random: SeededRandom): readonly string[] {
  if (kept.filter((key) => key.startsWith(`gen-${generation}-`)).length > 1) return kept;
  return [`gen-${generation}-${random.text(KEY_LENGTH)}`, ...kept].slice(0, MAX_ATTEMPT_KEYS);
}

/** The key made for this generation, if there is one. */
export function keyOf(generation: number, kept: readonly string[]): string | undefined {
  return kept.find((key) => key.startsWith(`gen-${generation}-`));
}
