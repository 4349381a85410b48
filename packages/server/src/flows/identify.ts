import { BOUND_TOKEN_DETAIL } from "@latchkey/protocol";

import type { Session } from "../domain/session.ts";
import { isLive } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import { AuthError } from "../errors.ts";
import type { VerifiedAccessToken } from "../tokens/access-token.ts";
import type { ProofOfPossession } from "../tokens/dpop-proof.ts";
import { claimProof } from "./claim-proof.ts";
import type { FlowContext } from "./context.ts";

/** An access token, and the proof of possession that came along. */
export interface PresentedAccessToken {
  readonly accessToken: string;
  readonly proof: ProofOfPossession | undefined;
}

/** Whose access token this is. */
export interface SignedIn {
  readonly user: User;
  readonly session: Session;
}

/**
 * Finds the user and the session behind an access token presented to the authority itself. The row is at hand here, so a
 * token of a session that has ended, or of an account that is disabled or gone, is refused at once.
 */
export async function identify(context: FlowContext, presented: PresentedAccessToken): Promise<SignedIn> {
  // Third-party clients have the OAuth face; a user's account is for the user's own apps.
  const { who } = await identifyFor(context, presented, (clientId) => context.policy.clientIds.includes(clientId));
  return who;
}

/** The same for tokens of other clients than your own apps, with what the token itself says. */
export async function identifyFor(
  context: FlowContext,
  presented: PresentedAccessToken,
  isClient: (clientId: string) => boolean,
): Promise<{ readonly who: SignedIn; readonly token: VerifiedAccessToken }> {
  const { accessToken, proof } = presented;
  const verdict = await context.accessTokens.verify(accessToken);
  if (verdict.kind === "expired") throw new AuthError("expired_token");
  if (verdict.kind === "invalid") throw new AuthError("invalid_token");
  const { token } = verdict;
  // A bound token is worth nothing without its key, and a proof makes no other token more than it is (RFC 9449 §7.1, §7.2).
  if (token.jkt !== (proof?.jkt ?? null)) {
    const saysWhy = token.jkt !== null && proof === undefined;
    throw new AuthError("invalid_token", {
      ...(token.jkt !== null && { scheme: "DPoP" }),
      ...(saysWhy && { description: BOUND_TOKEN_DETAIL }),
    });
  }
  const who = await findHolder(context, token);
  if (who === undefined || !isClient(who.session.clientId)) throw new AuthError("invalid_token");
  if (proof !== undefined) await claimProof(context, proof);
  return { who, token };
}

/** Whose token this is still: `undefined` once it, its session or its user's account has been revoked. */
export async function findHolder(context: FlowContext, token: VerifiedAccessToken): Promise<SignedIn | undefined> {
  const found = await context.store.findSessionWithUser(token.sessionId);
  if (found === undefined) return undefined;
  const { session, user } = found;
  if (session.userId !== token.userId || !isLive(session, context.clock())) return undefined;
  // We sign no such token, but an API that shares a secret with us can: for its own sessions alone, and bound ones as bound.
  if (token.claims.aud !== session.audience || token.jkt !== session.jkt) return undefined;
  if (user === undefined || user.disabledAt !== null) return undefined;
  return (await context.revokedTokens.isRevoked(token.claims.jti)) ? undefined : { user, session };
}
