/**
 * Attempt keys name a client's tries to refresh (`Latchkey-Attempt`, newest first). The client writes a key into its
 * credential store before it sends it; the server binds the successor token to it; so the same try asked again gets the
 * same answer, and a copy of the token without the key is somebody else.
 */

/** On refresh: the keys of the client's last few attempts, newest first, separated by commas. */
export const ATTEMPT_HEADER = "Latchkey-Attempt";

/** The same with a single key, for clients that already speak it. */
export const IDEMPOTENCY_KEY_HEADER = "Idempotency-Key";

/** More keys than this make a request malformed. */
export const MAX_ATTEMPT_KEYS = 4;

const ATTEMPT_KEY = /^[A-Za-z0-9_-]{16,128}$/;

export function isAttemptKey(value: string): boolean {
  return ATTEMPT_KEY.test(value);
}

const GENERATION_PREFIX = "gen-";
const GENERATION_KEY = /^gen-(?:0|[1-9]\d{0,8})-/;

/**
 * The generation that a key names, if it is of the form `gen-<generation>-<random>`: then it counts for refreshes of that
 * generation's token alone, even where the authority has forgotten (a crash) what it was used for.
 */
export function parseAttemptKeyGeneration(key: string): number | undefined {
  if (!GENERATION_KEY.test(key)) return undefined;
  return Number(key.slice(GENERATION_PREFIX.length, key.indexOf("-", GENERATION_PREFIX.length)));
}

/**
 * Reads a list of attempt keys, newest first. Commas separate them in a header; in a cookie it is dots, since a comma is
 * no cookie-octet (RFC 6265 §4.1.1). Returns `undefined` for anything malformed: a key that is too short or long, more
 * than {@link MAX_ATTEMPT_KEYS}, the same key twice, an empty list.
 */
export function parseAttemptKeys(text: string): readonly string[] | undefined {
  if (text.length > MAX_ATTEMPT_KEYS * 132) return undefined;
  const keys = text.split(/[,.]/).map((key) => key.trim());
  const wellFormed = keys.length <= MAX_ATTEMPT_KEYS && keys.every(isAttemptKey) && new Set(keys).size === keys.length;
  return wellFormed ? keys : undefined;
}

/** The value of the attempt cookie. */
export function formatAttemptCookie(keys: readonly string[]): string {
  return keys.slice(0, MAX_ATTEMPT_KEYS).join(".");
}
