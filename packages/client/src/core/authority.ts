import { CSRF_HEADER } from "@latchkey/protocol";

import type { Answer } from "./answer.ts";
import { readAnswer } from "./answer.ts";
import type { CorePorts } from "./ports.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** One `POST` to the authority. */
export interface AuthorityCall {
  /** Below the issuer, for example `/auth/refresh`. */
  readonly path: string;
  readonly json?: object;
  readonly csrfToken?: string;
  /** Instead of plain `fetch`. */
  readonly fetch?: CorePorts["fetch"];
  readonly signal?: AbortSignal;
  /** Goes on though the page is closed, and nobody hears the answer. */
  readonly keepalive?: boolean;
}

/** Answers `undefined` for whatever is no answer: network error, redirect, time-out, abort. */
export type CallAuthority = (call: AuthorityCall) => Promise<Answer | undefined>;

export interface AuthoritySettings {
  readonly issuer: string;
  readonly timeoutMs: number;
}

/**
 * Speaks to the authority. When the time is up the request is aborted, not merely given up: only then may it be asked
 * again. Redirects are errors: nobody else is to see a password, a cookie or a token.
 */
export function createAuthorityCaller(
  { issuer, timeoutMs }: AuthoritySettings,
  ports: Pick<CorePorts, "fetch" | "after">,
): CallAuthority {
  return async ({ path, json, csrfToken, fetch = ports.fetch, signal, keepalive = false }) => {
    const timeout = new AbortController();
    const aborted = AbortSignal.any([signal ?? timeout.signal, timeout.signal]);
    const cancelTimeout = ports.after(timeoutMs, () => timeout.abort());
    try {
      const sent = fetch(issuer + path, {
        method: "POST",
        credentials: "include",
        redirect: "error",
        keepalive,
        signal: aborted,
        headers: {
          ...(json && { "Content-Type": "application/json" }),
          ...(csrfToken && { [CSRF_HEADER]: csrfToken }),
        },
        body: json ? JSON.stringify(json) : null,
      });
      // Whatever hangs on the way to the network, the time is up.
      const response = await unlessAborted(sent, aborted);
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
