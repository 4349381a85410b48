import { MAX_ATTEMPT_KEYS, parseAttemptKeys } from "@latchkey/protocol";

import type { Credentials } from "./ports.ts";

/**
 * The attempt keys to send, newest first, from those kept so far (malformed ones count as none). There is one key per
 * generation, and it names it: a try that may have been answered unseen is asked again under its own key, whoever made
 * it, so that the server knows it for a retry; and however often it fails, no used key is pushed out of the last few.
 *
 * @param insists makes a second key all the same. It tells the authority that the answers under the first came to nothing.
 */
export function chooseAttemptKeys(
  credentials: Credentials,
  stored: string | undefined,
  randomBytes: (length: number) => Uint8Array,
  insists = false,
): readonly string[] {
  const known = parseStored(stored);
  const prefix = prefixOf(credentials);
  const [kept, first] = known.filter((key) => key.startsWith(prefix));
  const current = (insists ? first && kept : kept) ?? prefix + randomText(randomBytes);
  return [current, ...known.filter((key) => key !== current)].slice(0, MAX_ATTEMPT_KEYS);
}

/** The key already kept for the refresh of these credentials, if any. */
export function findAttemptKey(credentials: Credentials, stored: string | undefined): string | undefined {
  const prefix = prefixOf(credentials);
  return parseStored(stored).find((key) => key.startsWith(prefix));
}

/** Where the generation cannot be read, the version stands in for it: it changes with the generation. */
function prefixOf({ generation, version }: Credentials): string {
  return `gen-${generation ?? version.replaceAll(/\W/g, "").slice(0, 64)}-`;
}

function parseStored(stored: string | undefined): readonly string[] {
  return parseAttemptKeys(stored ?? "") ?? [];
}

/** 130 random bits, five to a character. */
function randomText(randomBytes: (length: number) => Uint8Array): string {
  return Array.from(randomBytes(26), (byte) => (byte & 31).toString(32)).join("");
}
