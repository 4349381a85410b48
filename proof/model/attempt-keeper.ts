import type { Token } from "./token.ts";

/** An attempt key, and the generation of the token it was made for: the real client writes that into the key. */
export interface AttemptKey {
  readonly generation: number;
  readonly name: string;
  /** Whether it is a second one for its generation, made because the client was told to wait under the first. */
  readonly insists: boolean;
}

/** How many keys a client sends, and keeps. */
export const SENT_KEYS = 4;

/** How a client chooses the keys to send, newest first. What it sends is what its store then holds. */
export type AttemptKeeper = (
  token: Token,
  kept: readonly AttemptKey[],
  makeKey: () => AttemptKey,
) => readonly AttemptKey[];

/** Latchkey's client: one key per generation, asked with at every retry (`chooseAttemptKeys` of @latchkey/client). */
export const keepOneKeyPerGeneration: AttemptKeeper = (token, kept, makeKey) => {
  const current = kept.find((key) => key.generation === token.generation) ?? makeKey();
  return [current, ...kept.filter((key) => key.name !== current.name)].slice(0, SENT_KEYS);
};

/** A client whose retries are recognised otherwise. */
export const keepNoKeys: AttemptKeeper = () => [];
