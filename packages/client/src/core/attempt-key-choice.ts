import { MAX_ATTEMPT_KEYS, parseAttemptKeys } from "@latchkey/protocol";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** What the credential store says before an attempt. */
export interface AttemptSituation {
  readonly generation: number | undefined;
  /** The keys kept so far, as stored; whatever is malformed counts as none. */
  readonly stored: string | undefined;
  /** A key whose attempt this client saw answered. */
  readonly answeredKey: string | undefined;
}

/**
 * The attempt keys to send, newest first. One key per generation: a try that may have been answered unseen is asked again
 * under its own key, whoever made it, so however often it fails no used key is pushed out of the last few, and the
 * server recognises the retry. Keys name their generation for that reason.
 */
export function chooseAttemptKeys(
  situation: AttemptSituation,
  randomBytes: (length: number) => Uint8Array,
): readonly string[] {
  const known = (situation.stored === undefined ? undefined : parseAttemptKeys(situation.stored)) ?? [];
  const current = findAttemptKey(situation, known) ?? freshAttemptKey(situation.generation, randomBytes);
  return [current, ...known.filter((key) => key !== current)].slice(0, MAX_ATTEMPT_KEYS);
}

/** The key already kept for this attempt, if any. Without a readable generation: the newest, unless it was answered. */
export function findAttemptKey(
  { generation, answeredKey }: Pick<AttemptSituation, "generation" | "answeredKey">,
  known: readonly string[],
): string | undefined {
  if (generation !== undefined) return known.find((key) => key.startsWith(`${generation}-`));
  return known[0] === answeredKey ? undefined : known[0];
}

/** 132 random bits. */
function freshAttemptKey(generation: number | undefined, randomBytes: (length: number) => Uint8Array): string {
  const random = Array.from(randomBytes(22), (byte) => ALPHABET.charAt(byte & 63)).join("");
  return `${generation ?? "x"}-${random}`;
}
