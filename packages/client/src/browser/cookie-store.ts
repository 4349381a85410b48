import { formatAttemptCookie, pageCookieNames, parseCsrfGeneration } from "@latchkey/protocol";

import { chooseAttemptKeys, findAttemptKey } from "../core/attempt-key-choice.ts";
import type { CredentialStore } from "../core/ports.ts";

/** `document.cookie`: reading gives all cookies, assigning sets one. */
export interface CookieAccess {
  cookie: string;
}

/**
 * The longest that browsers keep a cookie. The keys must outlive a restart of the browser as the refresh cookie does: an
 * attempt whose answer was lost with the browser is asked again under its key.
 */
const LONGEST_MAX_AGE_SECONDS = 34_560_000;

/**
 * The cookie jar as credential store. The refresh cookie is HttpOnly; the CSRF cookie comes and goes with it in the same
 * answers, so its value names the generation of the session that the jar holds.
 */
export function createCookieStore(
  jar: CookieAccess,
  { secure, randomBytes }: { readonly secure: boolean; readonly randomBytes: (length: number) => Uint8Array },
): CredentialStore {
  const names = pageCookieNames({ secure });

  const write = (name: string, value: string, maxAge: number): void => {
    jar.cookie = `${name}=${value}; Path=/; Max-Age=${maxAge}; SameSite=Strict${secure ? "; Secure" : ""}`;
  };
  const clearAttempts = (): void => write(names.attempt, "", 0);

  const store: CredentialStore = {
    read() {
      const version = readCookie(jar, names.csrf);
      return version === undefined ? undefined : { version, generation: parseCsrfGeneration(version) };
    },

    prepareAttempt(credentials, insists) {
      const stored = readCookie(jar, names.attempt);
      const value = formatAttemptCookie(chooseAttemptKeys(credentials, stored, randomBytes, insists));
      if (value !== stored) write(names.attempt, value, LONGEST_MAX_AGE_SECONDS);
    },

    isPrepared: (credentials) => findAttemptKey(credentials, readCookie(jar, names.attempt)) !== undefined,

    clearAttempts,

    forget({ version }) {
      if (store.read()?.version !== version) return;
      write(names.csrf, "", 0);
      clearAttempts();
    },
  };
  return store;
}

/** The first of the name that is not empty; `undefined` if there is none. */
function readCookie(jar: CookieAccess, name: string): string | undefined {
  return jar.cookie
    .split("; ")
    .find((pair) => pair.startsWith(`${name}=`) && pair.length > name.length + 1)
    ?.slice(name.length + 1);
}
