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
  readonly accessToken?: string;
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
  return async ({ path, method = "POST", json, csrfToken, accessToken, signal }) => {
    const aborter = new AbortController();
    const abort = (): void => aborter.abort();
    if (signal?.aborted === true) return undefined;
    signal?.addEventListener("abort", abort);
    const cancelTimeout = ports.after(timeoutMs, abort);
    try {
      const response = await ports.fetch(issuer + path, {
        method,
        credentials,
        redirect: "error",
        cache: "no-store",
        signal: aborter.signal,
        headers: {
          Accept: "application/json",
          ...(json !== undefined && { "Content-Type": "application/json" }),
          ...(csrfToken !== undefined && { [CSRF_HEADER]: csrfToken }),
          ...(accessToken !== undefined && { Authorization: `Bearer ${accessToken}` }),
        },
        ...(json !== undefined && { body: JSON.stringify(json) }),
      });
      const answer = await readAnswer(response);
      // An answer that comes in spite of the abort is nobody's any more.
      return aborter.signal.aborted ? undefined : answer;
    } catch {
      return undefined;
    } finally {
      cancelTimeout();
      signal?.removeEventListener("abort", abort);
    }
  };
}
