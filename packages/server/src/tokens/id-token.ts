import { hash } from "node:crypto";

import { createJwtVerifier, JwtError } from "@latchkey/jwt";

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
  /**
   * What an ID token of this authority says that a client sends back, whether or not it has expired: whose session it was of.
   * `undefined` for any other token.
   *
   * @throws AuthError `unavailable` where its key is not known, and cannot be looked for
   */
  readHint(idToken: string): Promise<IdTokenHint | undefined>;
}

/** An ID token as a hint (RP-Initiated Logout 1.0 §2). */
export interface IdTokenHint {
  readonly clientId: string;
  readonly userId: string;
  readonly sessionId: string;
}

const ID_TOKEN_TYPE = "JWT";

/** Long enough to be read, in seconds: nobody is let in with one later. */
const LIFETIME_SECONDS = 600;

export function createIdTokens(options: {
  readonly issuer: string;
  readonly keyRing: Pick<KeyRing, "signingKeyFor" | "findVerificationKey" | "learn">;
  readonly clientIds: readonly string[];
  /** `undefined` for clients that get none. */
  readonly algorithmOf: (clientId: string) => IdTokenAlgorithm | undefined;
}): IdTokens {
  const { issuer, keyRing, clientIds, algorithmOf } = options;
  const verify = createJwtVerifier({
    typ: ID_TOKEN_TYPE,
    issuer,
    audience: clientIds,
    requiredClaims: ["sub", "sid", "at_hash"],
    futureIssuedAt: "accept",
    // At this time none has expired.
    clock: () => 0,
    keys: ({ kid }) => (kid === undefined ? undefined : keyRing.findVerificationKey(kid)),
  });
  const parse = (idToken: string): IdTokenHint | "unknown key" | undefined => {
    try {
      const { aud, sub, sid } = verify(idToken).claims;
      if (typeof aud !== "string" || typeof sub !== "string" || typeof sid !== "string") return undefined;
      return { clientId: aud, userId: sub, sessionId: sid };
    } catch (error) {
      if (!(error instanceof JwtError)) throw error;
      return error.code === "unknown_key" ? "unknown key" : undefined;
    }
  };

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
      return keyRing.signingKeyFor(alg).sign(claims, { typ: ID_TOKEN_TYPE });
    },

    async readHint(idToken) {
      const hint = parse(idToken);
      if (hint !== "unknown key") return hint;
      const known = (await keyRing.learn(idToken)) ? parse(idToken) : undefined;
      return known === "unknown key" ? undefined : known;
    },
  };
}
