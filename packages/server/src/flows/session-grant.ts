import type { Session } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import type { SessionTerms } from "./agree-terms.ts";
import type { FlowContext } from "./context.ts";

/** What a sign-in or a refresh hands out. */
export interface SessionGrant {
  readonly user: User;
  /** With the scope that the access token has, which may be less than the session's. */
  readonly session: Session;
  readonly refreshToken: string;
  readonly accessToken: string;
  /** Seconds since 1970. */
  readonly accessTokenExpiresAt: number;
  /** For a client that gets one. */
  readonly idToken: string | undefined;
}

/**
 * The tokens of a session whose live refresh token has this secret.
 *
 * @param granted.asOf no later than the row was read, in seconds since 1970: the access token's life begins here, so that
 *   none outlives a revocation by more than that life, however long the answer takes
 */
export async function grantSession(
  context: FlowContext,
  granted: {
    readonly user: User;
    readonly session: Session;
    readonly secret: string;
    readonly terms: SessionTerms;
    readonly asOf: number;
    /** Of the request for a code, which its ID token brings back. */
    readonly nonce?: string | undefined;
  },
): Promise<SessionGrant> {
  const { user, session, secret, terms, asOf, nonce } = granted;
  const now = session.scope === terms.scope ? session : { ...session, scope: terms.scope };
  const access = await context.accessTokens.issue(now, user, { now: asOf, custom: terms.claims });
  return {
    user,
    session: now,
    refreshToken: context.refreshTokens.issue(session, secret),
    accessToken: access.token,
    accessTokenExpiresAt: access.expiresAt,
    idToken: await context.idTokens?.issue(now, user, { accessToken: access.token, nonce, now: asOf }),
  };
}
