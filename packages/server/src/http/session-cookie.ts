import { CSRF_HEADER } from "@latchkey/protocol";

import { AuthError } from "../errors.ts";
import type { SignedIn } from "../flows/identify.ts";
import { resumeOpaqueSession } from "../flows/opaque-session.ts";
import type { SessionCookie } from "../tokens/session-cookie.ts";
import { parseSessionCookie } from "../tokens/session-cookie.ts";
import { readCookie } from "./cookies.ts";
import type { Exchange } from "./exchange.ts";
import { requireAllowedOrigin } from "./trusted-origin.ts";

/**
 * The opaque session cookie of a request; `undefined` without one. But for GET and HEAD it counts only with an allowed origin
 * and the CSRF token of its session.
 *
 * @param formToken the CSRF token where a form has it in its body; it is looked for in the header otherwise
 * @throws AuthError `origin_not_allowed`, `csrf_failed`, `invalid_request` for two cookies of the name, `session_ended`
 */
export function readSessionCookie(exchange: Exchange, formToken?: string): SessionCookie | undefined {
  const { request, http } = exchange;
  const value = readCookie(request, http.cookies.sessionName);
  if (value === undefined || value === "") return undefined;
  const cookie = parseSessionCookie(value);
  if (cookie === undefined) throw new AuthError("session_ended");
  if (request.method !== "GET" && request.method !== "HEAD") {
    requireAllowedOrigin(exchange);
    const csrfToken = formToken ?? request.headers.get(CSRF_HEADER);
    if (http.csrfTokens.read(csrfToken, cookie.sessionId) === undefined) throw new AuthError("csrf_failed");
  }
  return cookie;
}

/** Who calls, by the opaque session cookie; `undefined` without one. @throws AuthError as `readSessionCookie` */
export async function findCookieHolder(exchange: Exchange, formToken?: string): Promise<SignedIn | undefined> {
  const cookie = readSessionCookie(exchange, formToken);
  return cookie === undefined ? undefined : resumeOpaqueSession(exchange.http, cookie, exchange.origin);
}
