import type { AttemptKeeper, AttemptKey } from "../model/attempt-keeper.ts";
import { keepOneKeyPerGeneration, SENT_KEYS } from "../model/attempt-keeper.ts";

/** A fresh key for every try, and the last few before it. */
export const freshKeyPerTry: AttemptKeeper = (_token, kept, makeKey) => [makeKey(), ...kept].slice(0, SENT_KEYS);

/** The same, and no key names its generation. */
export const freshNamelessKeyPerTry: AttemptKeeper = (token, kept, makeKey) =>
  freshKeyPerTry(token, kept, () => nameless(makeKey()));

/** One key per generation, and no memory of those before. */
export const onlyTheCurrentKey: AttemptKeeper = (token, kept, makeKey) => [
  kept.find((key) => key.generation === token.generation) ?? makeKey(),
];

/** One key per generation, as the client has it, but the key does not name its generation. */
export const keysThatNameNothing: AttemptKeeper = (token, kept, makeKey) =>
  keepOneKeyPerGeneration(token, kept, () => nameless(makeKey()));

function nameless(key: AttemptKey): AttemptKey {
  return { ...key, name: key.name.replace(/^gen-\d+-/, "") };
}
