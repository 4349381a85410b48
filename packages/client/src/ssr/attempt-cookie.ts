import { cookieNames, formatAttemptCookie } from "@latchkey/protocol";

import { chooseAttemptKeys } from "../core/attempt-key-choice.ts";
import type { Credentials } from "../core/ports.ts";

/**
 * Makes the `Set-Cookie` that puts an attempt key for these credentials into a browser's jar; `undefined` where another
 * request was given one a moment ago, which will be in that jar by the time its browser asks again.
 */
export type HandOutAttempt = (credentials: Credentials, stored: string | undefined) => string | undefined;

export interface AttemptCookieParts {
  readonly secure: boolean;
  readonly nowMs: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
}

/**
 * Requests of one browser that come at once (tabs, loaders) all lack a key, and must not be given different ones. Nor must
 * they be told the same: whoever has a copy of the jar would be told it too, and with the key pass for the browser for ever.
 * So one of them is given it, and the others find it in the jar they share with that one, which a copy does not. Where the
 * answer is lost another is given out after this time.
 */
const HANDED_OUT_MS = 2_500;
const MOST_HANDED_OUT = 10_000;
/** As pages keep it: the longest that browsers do. */
const MAX_AGE_SECONDS = 34_560_000;

export function createAttemptCookie({ secure, nowMs, randomBytes }: AttemptCookieParts): HandOutAttempt {
  const name = cookieNames({ secure, scope: "origin" }).attempt;
  /** Until when, by the version of the credentials; oldest first. Of one forgotten early, two keys are given out. */
  const handedOut = new Map<string, number>();

  return (credentials, stored) => {
    for (const [version, untilMs] of handedOut) {
      if (untilMs > nowMs() && handedOut.size < MOST_HANDED_OUT) break;
      handedOut.delete(version);
    }
    if (handedOut.has(credentials.version)) return undefined;
    handedOut.set(credentials.version, nowMs() + HANDED_OUT_MS);
    const value = formatAttemptCookie(chooseAttemptKeys(credentials, stored, randomBytes));
    return `${name}=${value}; Path=/; Max-Age=${MAX_AGE_SECONDS}; SameSite=Strict${secure ? "; Secure" : ""}`;
  };
}
