import type { VerifiedJwt } from "@latchkey/jwt";
import { createJwtVerifier, JwtError, signJwt, verificationKeyOf } from "@latchkey/jwt";
import type { AccessTokenClaims } from "@latchkey/protocol";
import { statusListUrl } from "@latchkey/protocol";

import type { Session } from "../domain/session.ts";
import { statusPlaceOf } from "../domain/status-place.ts";
import type { User } from "../domain/user.ts";
import { AuthError } from "../errors.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { Clock } from "../ports/clock.ts";
import type { CustomClaims } from "../ports/hooks.ts";
import type { AudienceProfile } from "./audience-profile.ts";
import { readBinding } from "./binding.ts";
import { parseCustomClaims } from "./custom-claims.ts";
import { newTokenId } from "./token-id.ts";

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
  /**
   * A fresh access token (RFC 9068), issued at `now`, and when it expires; it never outlives its session.
   *
   * @param custom claims that {@link parseCustomClaims} has let pass
   * @throws AuthError `unavailable` where it cannot be signed
   */
  issue(
    session: Session,
    user: User,
    { now, custom }: { readonly now: number; readonly custom: CustomClaims },
  ): Promise<{ readonly token: string; readonly expiresAt: number }>;
  /** What a hook answered for a token of this audience. @throws TypeError where no token may say that */
  parseCustomClaims(answered: unknown, audience: string): CustomClaims;
  /** @throws AuthError `unavailable` where its key is not known, and cannot be looked for */
  verify(token: string): Promise<AccessTokenVerdict>;
}

export interface AccessTokensOptions {
  readonly issuer: string;
  readonly audiences: readonly AudienceProfile[];
  /** Your own apps: their tokens alone say which roles the user has. */
  readonly clientIds: readonly string[];
  readonly keyRing: KeyRing;
  readonly clock: Clock;
  /** Whether tokens name their place in a status list. */
  readonly hasStatusLists: boolean;
}

export function createAccessTokens(options: AccessTokensOptions): AccessTokens {
  const { issuer, audiences, clientIds, keyRing, hasStatusLists } = options;
  const profiles = new Map(audiences.map((profile) => [profile.audience, profile]));
  const verifiers = createVerifiers(options);

  const profileOf = (audience: string): AudienceProfile => {
    const profile = profiles.get(audience);
    // The API was taken out of the options since the session began: a mistake of theirs must sign nobody out.
    if (profile === undefined) throw new AuthError("unavailable");
    return profile;
  };

  const judgeBy = (verify: (token: string) => VerifiedJwt, token: string): AccessTokenVerdict | "unknown key" => {
    try {
      const { claims } = verify(token);
      // With these types and of these keys there are only our own, and they have all of these claims.
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

  const judge = (token: string): AccessTokenVerdict | "unknown key" => {
    let last: AccessTokenVerdict | "unknown key" = "unknown key";
    for (const verify of verifiers) {
      const verdict = judgeBy(verify, token);
      if (verdict === "unknown key") continue;
      if (verdict.kind !== "invalid") return verdict;
      last = verdict;
    }
    return last;
  };

  return {
    async issue(session, user, { now, custom }) {
      const profile = profileOf(session.audience);
      const expiresAt = Math.min(now + profile.accessTokenTtlSeconds, session.expiresAt);
      const place = hasStatusLists ? statusPlaceOf(session.id) : undefined;
      // What the user may do is not what they let another client do: that is what scopes say.
      const roles = clientIds.includes(session.clientId) ? user.roles : [];
      const claims: Omit<AccessTokenClaims, "roles"> = {
        // First, so that whatever they are they can replace none of the authority's own.
        ...custom,
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
        ...(roles.length > 0 && { [profile.rolesClaim]: roles }),
        ...(user.claimsEpoch > 0 && { claims_epoch: user.claimsEpoch }),
        ...(place !== undefined && {
          status: { status_list: { idx: place.index, uri: statusListUrl(issuer, place.list) } },
        }),
        ...(session.jkt !== null && { cnf: { jkt: session.jkt } }),
      };
      const [sharedKey] = profile.sharedKeys;
      const options = { typ: profile.typ };
      const token =
        sharedKey === undefined
          ? await keyRing.signingKeyFor(profile.alg).sign(claims, options)
          : signJwt(claims, sharedKey, options);
      return { token, expiresAt };
    },

    parseCustomClaims: (answered, audience) => parseCustomClaims(answered, profileOf(audience)),

    async verify(token) {
      const verdict = judge(token);
      if (verdict !== "unknown key") return verdict;
      const known = (await keyRing.learn(token)) ? judge(token) : verdict;
      return known === "unknown key" ? { kind: "invalid" } : known;
    },
  };
}

/**
 * One for each type of token, since the account routes answer to any API's first-party token; the session is looked up
 * behind this check. And one for each shared secret, which is good for its own API's tokens and no other's.
 */
function createVerifiers({
  issuer,
  audiences,
  keyRing,
  clock,
}: AccessTokensOptions): readonly ((token: string) => VerifiedJwt)[] {
  const common = { issuer, requiredClaims: ["sub", "sid", "jti"], clock };
  const byType = Map.groupBy(
    audiences.filter((profile) => profile.alg !== "HS256"),
    (profile) => profile.typ,
  );
  const ofRing = [...byType].map(([typ, profiles]) =>
    createJwtVerifier({
      ...common,
      typ,
      audience: profiles.map((profile) => profile.audience),
      keys: ({ kid }) => (kid === undefined ? undefined : keyRing.findVerificationKey(kid)),
    }),
  );
  const shared = audiences
    .filter((profile) => profile.alg === "HS256")
    .map(({ typ, audience, sharedKeys }) => {
      const keys = new Map(sharedKeys.map((key) => [key.kid, verificationKeyOf(key)]));
      return createJwtVerifier({ ...common, typ, audience, keys: ({ kid }) => keys.get(kid) });
    });
  return [...ofRing, ...shared];
}
