import type { Session } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import type { FlowContext } from "./context.ts";

/** What a sign-in or a refresh hands out. */
export interface SessionGrant {
  readonly user: User;
  readonly session: Session;
  readonly refreshToken: string;
  readonly accessToken: string;
  readonly accessTokenExpiresInSeconds: number;
}

/** The tokens of a session whose live refresh token has this secret. */
export function grantSession(
  context: FlowContext,
  granted: { readonly user: User; readonly session: Session; readonly secret: string },
): SessionGrant {
  const { user, session, secret } = granted;
  const access = context.accessTokens.issue(session, user);
  return {
    user,
    session,
    refreshToken: context.refreshTokens.issue(session, secret),
    accessToken: access.token,
    accessTokenExpiresInSeconds: access.expiresInSeconds,
  };
}
