import { CSRF_HEADER } from "@latchkey/protocol";

import type { Answer } from "./answer.ts";
import { readAnswer } from "./answer.ts";
import type { CorePorts } from "./ports.ts";

/** One call to the authority. */
export interface AuthorityCall {
  /** Below the issuer, for example `/auth/refresh`. */
  readonly path: string;
  /** Default `POST`. */
  readonly method?: "GET" | "POST" | "DELETE";
  readonly json?: object;
  readonly csrfToken?: string;
  /** Instead of plain `fetch`. */
  readonly fetch?: CorePorts["fetch"];
  readonly signal?: AbortSignal;
}

/** Answers `undefined` for whatever is no answer: network error, redirect, time-out, abort. */
export type CallAuthority = (call: AuthorityCall) => Promise<Answer | undefined>;

export interface AuthoritySettings {
  readonly issuer: string;
  readonly credentials: "same-origin" | "include";
  readonly timeoutMs: number;
}

/**
 * Speaks to the authority. When the time is up the request is aborted, not merely given up: only then may it be asked
 * again. Redirects are errors: nobody else is to see a password, a cookie or a token.
 */
export function createAuthorityCaller(
  { issuer, credentials, timeoutMs }: AuthoritySettings,
  ports: Pick<CorePorts, "fetch" | "after">,
): CallAuthority {
  return async ({ path, method = "POST", json, csrfToken, fetch = ports.fetch, signal }) => {
    const timeout = new AbortController();
    const aborted = signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]);
    const cancelTimeout = ports.after(timeoutMs, () => timeout.abort());
    const headers = new Headers();
    if (json !== undefined) headers.set("Content-Type", "application/json");
    if (csrfToken !== undefined) headers.set(CSRF_HEADER, csrfToken);
    try {
      const body = json === undefined ? null : JSON.stringify(json);
      const response = await fetch(issuer + path, {
        method,
        credentials,
        redirect: "error",
        cache: "no-store",
        signal: aborted,
        headers,
        body,
      });
      const answer = await readAnswer(response);
      // An answer that comes in spite of the abort is nobody's any more.
      return aborted.aborted ? undefined : answer;
    } catch {
      return undefined;
    } finally {
      cancelTimeout();
    }
  };
}
