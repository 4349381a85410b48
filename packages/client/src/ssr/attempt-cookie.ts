import { cookieNames, formatAttemptCookie } from "@latchkey/protocol";

import { chooseAttemptKeys } from "../core/attempt-key-choice.ts";
import type { Credentials } from "../core/ports.ts";

/** Makes the `Set-Cookie` that puts an attempt key for these credentials into a browser's jar. */
export type PrepareAttempt = (credentials: Credentials, stored: string | undefined) => string;

export interface AttemptCookieParts {
  readonly secure: boolean;
  readonly nowMs: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
}

/**
 * Requests of one browser that come at once (tabs, loaders) all lack a key, and must not be given different ones: what one
 * was given, so are the others for as long as they may take. Not longer: a copy of the jar is to be given another.
 */
const AGREED_FOR_MS = 5_000;
const MOST_AGREED = 10_000;
/** As pages keep it: the longest that browsers do. */
const MAX_AGE_SECONDS = 34_560_000;

export function createAttemptCookie({ secure, nowMs, randomBytes }: AttemptCookieParts): PrepareAttempt {
  const name = cookieNames({ secure, scope: "origin" }).attempt;
  /** By the version of the credentials; oldest first. */
  const agreed = new Map<string, { readonly value: string; readonly untilMs: number }>();

  function agree(credentials: Credentials, stored: string | undefined): string {
    for (const [version, { untilMs }] of agreed) {
      if (untilMs > nowMs() && agreed.size < MOST_AGREED) break;
      agreed.delete(version);
    }
    const known = agreed.get(credentials.version);
    if (known !== undefined) return known.value;
    const value = formatAttemptCookie(chooseAttemptKeys(credentials, stored, randomBytes));
    agreed.set(credentials.version, { value, untilMs: nowMs() + AGREED_FOR_MS });
    return value;
  }

  return (credentials, stored) =>
    `${name}=${agree(credentials, stored)}; Path=/; Max-Age=${MAX_AGE_SECONDS}; SameSite=Strict${secure ? "; Secure" : ""}`;
}
