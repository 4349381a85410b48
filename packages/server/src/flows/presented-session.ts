import type { Session } from "../domain/session.ts";
import { isLive } from "../domain/session.ts";
import type { SessionCookie } from "../tokens/session-cookie.ts";
import type { FlowContext } from "./context.ts";
import { isHeldBy } from "./opaque-session.ts";

/** What a browser brings to a sign-in of the session that it has. */
export interface PresentedSession {
  /** The refresh token of a session this browser already has; the new session replaces it. */
  readonly replaces: string | undefined;
  /** The same, by an opaque cookie. */
  readonly replacesOpaque: SessionCookie | undefined;
}

/**
 * The live session of your own apps that this browser presents, if it is this user's: whoever has one has known the password
 * before, which other clients never have. An older copy of its token will do, for nothing is let in by it: it only says with
 * whose guesses this one is counted.
 */
export async function knownSessionId(
  context: FlowContext,
  userId: string | undefined,
  { replaces, replacesOpaque }: PresentedSession,
): Promise<string | null> {
  const token = replaces === undefined ? undefined : await context.refreshTokens.read(replaces);
  const isKnown = (session: Session | undefined): boolean =>
    session !== undefined &&
    session.userId === userId &&
    context.policy.clientIds.includes(session.clientId) &&
    isLive(session, context.clock());
  if (token !== undefined && isKnown(await context.store.sessions.findSession(token.sessionId))) return token.sessionId;
  if (replacesOpaque === undefined) return null;
  const session = await context.store.sessions.findSession(replacesOpaque.sessionId);
  return session !== undefined && isHeldBy(session, replacesOpaque) && isKnown(session) ? session.id : null;
}
