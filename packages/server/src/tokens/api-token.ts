import type { VerifiedJwt } from "@latchkey/jwt";
import { createJwtVerifier, JwtError } from "@latchkey/jwt";
import type { ApiTokenClaims } from "@latchkey/protocol";
import { API_TOKEN_TYPE, formatApiToken, parseApiToken, statusListUrl } from "@latchkey/protocol";

import type { ApiToken } from "../domain/api-token.ts";
import { statusPlaceOf } from "../domain/status-place.ts";
import { AuthError } from "../errors.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import type { Clock } from "../ports/clock.ts";
import type { AudienceProfile } from "./audience-profile.ts";
import { readBinding } from "./binding.ts";

export type ApiTokenVerdict =
  | { readonly kind: "valid"; readonly claims: ApiTokenClaims }
  | { readonly kind: "expired" }
  | { readonly kind: "invalid" };

/** Makes and reads API tokens. They are signed with keys of their own, and are good for no route of the authority. */
export interface ApiTokens {
  issue(token: ApiToken): Promise<string>;
  /**
   * By what the token says alone.
   *
   * @throws AuthError `unavailable` where its key is not known, and cannot be looked for
   */
  verify(token: string): Promise<ApiTokenVerdict>;
}

export interface ApiTokensOptions {
  readonly issuer: string;
  /** The APIs there may be tokens for. */
  readonly audiences: readonly AudienceProfile[];
  readonly keyRing: Pick<KeyRing, "apiTokenKeys" | "learn">;
  readonly clock: Clock;
  /** Whether tokens name their place in a status list. */
  readonly hasStatusLists: boolean;
}

export function createApiTokens(options: ApiTokensOptions): ApiTokens {
  const { issuer, audiences, keyRing, clock, hasStatusLists } = options;
  const algorithms = new Map(audiences.map(({ audience, alg }) => [audience, alg]));
  const verifyJwt = createJwtVerifier({
    typ: API_TOKEN_TYPE,
    issuer,
    audience: [...algorithms.keys()],
    requiredClaims: ["sub", "client_id", "jti"],
    clock,
    keys: ({ kid }) => (kid === undefined ? undefined : keyRing.apiTokenKeys.findVerificationKey(kid)),
  });

  const judge = (jwt: string): ApiTokenVerdict | "unknown key" => {
    let verified: VerifiedJwt;
    try {
      verified = verifyJwt(jwt);
    } catch (error) {
      if (!(error instanceof JwtError)) throw error;
      if (error.code === "unknown_key") return "unknown key";
      return { kind: error.code === "expired" ? "expired" : "invalid" };
    }
    // With this type and of these keys there are only our own, and they have all of these claims.
    const claims = verified.claims as unknown as ApiTokenClaims;
    return readBinding(verified.claims) === undefined ? { kind: "invalid" } : { kind: "valid", claims };
  };

  return {
    async issue(token) {
      const alg = algorithms.get(token.audience);
      if (alg === undefined) throw new AuthError("unavailable");
      const place = hasStatusLists ? statusPlaceOf(token.id) : undefined;
      const claims: ApiTokenClaims = {
        iss: issuer,
        sub: token.userId,
        aud: token.audience,
        client_id: token.clientId,
        iat: token.createdAt,
        exp: token.expiresAt,
        jti: token.id,
        scope: token.scope,
        ...(place !== undefined && {
          status: { status_list: { idx: place.index, uri: statusListUrl(issuer, place.list) } },
        }),
        ...(token.jkt !== null && { cnf: { jkt: token.jkt } }),
      };
      return formatApiToken(await keyRing.apiTokenKeys.signingKeyFor(alg).sign(claims, { typ: API_TOKEN_TYPE }));
    },

    async verify(token) {
      const jwt = parseApiToken(token);
      if (jwt === undefined) return { kind: "invalid" };
      const verdict = judge(jwt);
      if (verdict !== "unknown key") return verdict;
      const known = (await keyRing.learn(jwt)) ? judge(jwt) : verdict;
      return known === "unknown key" ? { kind: "invalid" } : known;
    },
  };
}
