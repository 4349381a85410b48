import type { Session } from "../domain/session.ts";
import { isLive } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import { AuthError } from "../errors.ts";
import type { VerifiedAccessToken } from "../tokens/access-token.ts";
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
  const who = await findHolder(context, verdict.token);
  if (who === undefined) throw new AuthError("invalid_token");
  // Third-party clients have the OAuth face; a user's account is for the user's own apps.
  if (!context.policy.clientIds.includes(who.session.clientId)) throw new AuthError("invalid_token");
  return who;
}

/** Whose token this is still: `undefined` once it, its session or its user's account has been revoked. */
export async function findHolder(context: FlowContext, token: VerifiedAccessToken): Promise<SignedIn | undefined> {
  const found = await context.store.findSessionWithUser(token.sessionId);
  if (found === undefined) return undefined;
  const { session, user } = found;
  if (session.userId !== token.userId || !isLive(session, context.clock())) return undefined;
  if (user === undefined || user.disabledAt !== null) return undefined;
  return (await context.revokedTokens.isRevoked(token.claims.jti)) ? undefined : { user, session };
}
