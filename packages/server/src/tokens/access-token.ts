import { createJwtVerifier, JwtError, signJwt } from "@latchkey/jwt";
import type { AccessTokenClaims } from "@latchkey/protocol";
import { ACCESS_TOKEN_TYPE, statusListUrl } from "@latchkey/protocol";

import type { Session } from "../domain/session.ts";
import { statusPlaceOf } from "../domain/status-place.ts";
import type { User } from "../domain/user.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { Clock } from "../ports/clock.ts";
import { readBinding } from "./binding.ts";
import { newTokenId } from "./token-id.ts";

/** An API that access tokens are issued for. */
export interface AudienceProfile {
  /** The value of `aud`. */
  readonly audience: string;
  readonly accessTokenTtlSeconds: number;
}

/** What an access token presented to the authority itself says, once it has been verified. */
export interface VerifiedAccessToken {
  readonly userId: string;
  readonly sessionId: string;
  readonly claims: AccessTokenClaims;
  /** The thumbprint of the key it must be used with, if it is bound to one. */
  readonly jkt: string | null;
}

export type AccessTokenVerdict =
  | { readonly kind: "valid"; readonly token: VerifiedAccessToken }
  | { readonly kind: "expired" }
  | { readonly kind: "invalid" };

export interface AccessTokens {
  /** A fresh access token (RFC 9068), issued at `now`, and when it expires; it never outlives its session. */
  issue(session: Session, user: User, now: number): { readonly token: string; readonly expiresAt: number };
  /** @throws AuthError `unavailable` where its key is not known, and cannot be looked for */
  verify(token: string): Promise<AccessTokenVerdict>;
}

export function createAccessTokens(options: {
  readonly issuer: string;
  readonly audiences: readonly AudienceProfile[];
  readonly keyRing: KeyRing;
  readonly clock: Clock;
  /** Whether tokens name their place in a status list. */
  readonly hasStatusLists: boolean;
}): AccessTokens {
  const { issuer, audiences, keyRing, clock, hasStatusLists } = options;
  const verify = createJwtVerifier({
    typ: ACCESS_TOKEN_TYPE,
    issuer,
    // The account routes answer to any API's first-party token; the session is looked up behind this check.
    audience: audiences.map((profile) => profile.audience),
    requiredClaims: ["sub", "sid", "jti"],
    clock,
    keys: (header) => (header.kid === undefined ? undefined : keyRing.findVerificationKey(header.kid)),
  });

  const judge = (token: string): AccessTokenVerdict | "unknown key" => {
    try {
      const { claims } = verify(token);
      // With this type and of these keys there are only our own, and they have all of these claims.
      const ours = claims as unknown as AccessTokenClaims;
      const jkt = readBinding(claims);
      if (typeof ours.sub !== "string" || typeof ours.sid !== "string" || jkt === undefined) return { kind: "invalid" };
      return { kind: "valid", token: { userId: ours.sub, sessionId: ours.sid, jkt, claims: ours } };
    } catch (error) {
      if (!(error instanceof JwtError)) throw error;
      if (error.code === "unknown_key") return "unknown key";
      return { kind: error.code === "expired" ? "expired" : "invalid" };
    }
  };

  return {
    issue(session, user, now) {
      const ttl = audiences.find((profile) => profile.audience === session.audience)?.accessTokenTtlSeconds ?? 0;
      const expiresAt = Math.min(now + ttl, session.expiresAt);
      const place = hasStatusLists ? statusPlaceOf(session.id) : undefined;
      const claims: AccessTokenClaims = {
        iss: issuer,
        sub: user.id,
        aud: session.audience,
        client_id: session.clientId,
        iat: now,
        exp: expiresAt,
        jti: newTokenId(),
        sid: session.id,
        scope: session.scope,
        auth_time: session.authTime,
        amr: session.amr,
        acr: session.acr,
        ...(user.roles.length > 0 && { roles: user.roles }),
        ...(user.claimsEpoch > 0 && { claims_epoch: user.claimsEpoch }),
        ...(place !== undefined && {
          status: { status_list: { idx: place.index, uri: statusListUrl(issuer, place.list) } },
        }),
        ...(session.jkt !== null && { cnf: { jkt: session.jkt } }),
      };
      const token = signJwt(claims, keyRing.signingKey, { typ: ACCESS_TOKEN_TYPE });
      return { token, expiresAt };
    },

    async verify(token) {
      const verdict = judge(token);
      if (verdict !== "unknown key") return verdict;
      const known = (await keyRing.learn(token)) ? judge(token) : verdict;
      return known === "unknown key" ? { kind: "invalid" } : known;
    },
  };
}
