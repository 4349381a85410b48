import { hash } from "node:crypto";

import type { IdTokenAlgorithm } from "../domain/oauth-client.ts";
import { scopesOf } from "../domain/scope.ts";
import type { Session } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import type { KeyRing } from "../keys/key-ring.ts";

/** ID tokens (OpenID Connect Core §2): they tell a client who signed in, and are good for nothing else. */
export interface IdTokens {
  /**
   * `undefined` where there is to be none: for sessions of your own apps, and without the scope `openid`. What is told of
   * the sign-in is the session's own, however often that has been refreshed (§12.2).
   *
   * @param now when it is issued, in seconds since 1970
   * @throws AuthError `unavailable` where it cannot be signed
   */
  issue(
    session: Session,
    user: User,
    token: { readonly accessToken: string; readonly nonce: string | undefined; readonly now: number },
  ): Promise<string | undefined>;
}

/** Long enough to be read, in seconds: nobody is let in with one later. */
const LIFETIME_SECONDS = 600;

export function createIdTokens(options: {
  readonly issuer: string;
  readonly keyRing: Pick<KeyRing, "signingKeyFor">;
  /** `undefined` for clients that get none. */
  readonly algorithmOf: (clientId: string) => IdTokenAlgorithm | undefined;
}): IdTokens {
  const { issuer, keyRing, algorithmOf } = options;
  return {
    async issue(session, user, { accessToken, nonce, now }) {
      const alg = algorithmOf(session.clientId);
      if (alg === undefined || !scopesOf(session.scope).includes("openid")) return undefined;
      const claims = {
        iss: issuer,
        sub: user.id,
        aud: session.clientId,
        iat: now,
        exp: now + LIFETIME_SECONDS,
        auth_time: session.authTime,
        ...(nonce !== undefined && { nonce }),
        at_hash: hash("sha256", accessToken, "buffer").subarray(0, 16).toString("base64url"),
        sid: session.id,
        amr: session.amr,
        acr: session.acr,
      };
      return keyRing.signingKeyFor(alg).sign(claims, { typ: "JWT" });
    },
  };
}
