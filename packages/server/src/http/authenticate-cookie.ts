import type { SessionSummary, UserAnswer } from "@latchkey/protocol";

import { AuthError } from "../errors.ts";
import { sessionSummary, userAnswer } from "./answers.ts";
import type { HttpContext } from "./exchange.ts";
import { findCookieHolder } from "./session-cookie.ts";

/** Who is signed in by an opaque session cookie. */
export interface CookieSession {
  readonly user: UserAnswer;
  readonly session: SessionSummary;
  /** Space-delimited (RFC 6749 §3.3). */
  readonly scope: string;
  /** For the forms and scripts of the page that is the answer. */
  readonly csrfToken: string;
}

/** For a request that is not to the authority, but to an app beside it. @throws AuthError as `findCookieHolder` */
export async function authenticateCookie(
  http: HttpContext,
  request: Request,
  csrfToken: string | undefined,
): Promise<CookieSession | undefined> {
  try {
    const holder = await findCookieHolder(
      { request, http, params: {}, origin: { ip: null, userAgent: null } },
      csrfToken,
    );
    if (holder === undefined) return undefined;
    const { user, session } = holder;
    return {
      user: userAnswer(user),
      session: sessionSummary(session, session.id),
      scope: session.scope,
      csrfToken: http.csrfTokens.issue(session.id, session.generation),
    };
  } catch (error) {
    if (error instanceof AuthError && error.code === "session_ended") return undefined;
    throw error;
  }
}
