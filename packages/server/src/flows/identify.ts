import type { Session } from "../domain/session.ts";
import { isLive } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import { AuthError } from "../errors.ts";
import type { FlowContext } from "./context.ts";

/** Whose access token this is. */
export interface SignedIn {
  readonly user: User;
  readonly session: Session;
}

/**
 * Finds the user and the session behind an access token presented to the authority itself. The row is at hand here, so a
 * token of a session that has ended, or of an account that is disabled or gone, is refused at once.
 */
export async function identify(context: FlowContext, accessToken: string): Promise<SignedIn> {
  const verdict = context.accessTokens.verify(accessToken);
  if (verdict.kind === "expired") throw new AuthError("expired_token");
  if (verdict.kind === "invalid") throw new AuthError("invalid_token");
  const session = await context.store.sessions.findSession(verdict.token.sessionId);
  if (session === undefined || session.userId !== verdict.token.userId || !isLive(session, context.clock())) {
    throw new AuthError("invalid_token");
  }
  // Third-party clients have the OAuth face; a user's account is for the user's own apps.
  if (!context.policy.clientIds.includes(session.clientId)) throw new AuthError("invalid_token");
  const user = await context.store.accounts.findUser(session.userId);
  if (user === undefined || user.disabledAt !== null) throw new AuthError("invalid_token");
  return { user, session };
}
