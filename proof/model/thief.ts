import type { AttemptKey } from "./attempt-keeper.ts";
import { SENT_KEYS } from "./attempt-keeper.ts";
import type { Token } from "./token.ts";

/** Somebody who has copied the jar once, and knows what it held and what it was ever answered since. */
export interface Thief {
  readonly tokens: readonly Token[];
  readonly keys: readonly AttemptKey[];
  /** The generation of the token it copied… */
  readonly copiedGeneration: number;
  /** Whether it has used its copy yet: before, it is as though there were none. */
  readonly used: boolean;
  /**
   * The generation up to which both holders' ways are the same. For a copy of a jar at rest it is that of the copied
   * token. A copy taken in the middle of an attempt has that attempt's key too: it leads one generation further.
   */
  readonly sharedGeneration: number;
}

export const NO_THIEF: Thief = { tokens: [], keys: [], copiedGeneration: -1, used: false, sharedGeneration: -1 };

export function copyJar(jar: { readonly token: Token; readonly keys: readonly AttemptKey[] }): Thief {
  let sharedGeneration = jar.token.generation;
  while (jar.keys.some((key) => key.generation === sharedGeneration)) sharedGeneration++;
  return {
    tokens: [jar.token],
    keys: jar.keys,
    copiedGeneration: jar.token.generation,
    used: false,
    sharedGeneration,
  };
}

/**
 * The key lists the thief may send with a token: none; one key, its own (that names the generation, or none) or any copied
 * one; or that one first and the copied ones behind it. It sends at once: a request of its own that is delayed is one that
 * it sends later.
 */
export function thiefKeyLists(thief: Thief, token: Token): readonly (readonly string[])[] {
  const copied = thief.keys.map((key) => key.name);
  const lists: (readonly string[])[] = [[]];
  for (const first of [`gen-${token.generation}-thief`, "thief", ...copied]) {
    const rest = copied.filter((key) => key !== first);
    lists.push([first]);
    if (rest.length > 0) lists.push([first, ...rest].slice(0, SENT_KEYS));
  }
  return lists;
}
