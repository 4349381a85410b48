import { createJwtVerifier, JwtError, type VerifiedJwt } from "@latchkey/jwt";
import { ACCESS_TOKEN_TYPE, API_TOKEN_TYPE } from "@latchkey/protocol";

import type { Refusal } from "./errors.ts";
import type { KeySet } from "./key-set.ts";
import type { Settings } from "./options.ts";
import type { PresentedToken } from "./presented-token.ts";
import { findSchemeFault } from "./token-binding.ts";
import { readAccessToken, type TokenKind, type VerifiedAccessToken } from "./verified-access-token.ts";

/**
 * A token that passed. While the cache keeps the token, every request that brings it gets this same object: the place for what is
 * worth remembering about it from one request to the next.
 */
export interface AcceptedToken {
  readonly kind: "accepted";
  readonly token: VerifiedAccessToken;
  /** The version of the revocations among which it was last looked for, and not found. */
  foundAliveAt: number;
}

export type Verdict =
  | AcceptedToken
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** No key of this `kid` is held. The issuer may have a new one. */
  | { readonly kind: "key_unknown" };

/** The header's `typ` of each kind. */
export const TYPE_OF: Readonly<Record<TokenKind, string>> = {
  "access-token": ACCESS_TOKEN_TYPE,
  "api-token": API_TOKEN_TYPE,
};

/**
 * What happens to a token, in order. All of it is synchronous: with the keys in memory no request waits for the network.
 *
 * 1. It is a compact JWS within the size cap, its `kid` names a key of the issuer, and its `alg` is that key's.
 * 2. The signature holds; `typ`, `iss` and `aud` match exactly; it is the time of `exp`, `iat` and `nbf`; no `crit`. A token
 *    found in the cache is not verified again, but its key must still be held, and it must still be its time.
 * 3. It came by the scheme it is for: bound to a key by `DPoP`, not bound by `Bearer`. Asked of remembered tokens too.
 * 4. Its other claims have the types they must have.
 *
 * For a bound token the proof comes next (`check-proof.ts`). Whether it was revoked is asked each time, for what is in the
 * cache as well (`revocation/revocations.ts`). What the route demands (scopes, roles) comes after all of this, in the
 * middleware.
 */
export function createAccessTokenCheck(
  settings: Settings,
  keySet: KeySet,
  kind: TokenKind = "access-token",
): (presented: PresentedToken) => Verdict {
  const verifyJwt = createJwtVerifier({
    typ: TYPE_OF[kind],
    issuer: settings.issuer,
    audience: settings.audiences,
    requiredClaims: ["sub", "client_id", "jti"],
    leewaySeconds: settings.leewaySeconds,
    clock: settings.clock,
    keys: ({ kid }) => (kid === undefined ? undefined : keySet.find(kid)),
    cache: settings.tokenCache,
  });
  // Cached tokens come as the same object each time; those of a verifier without a cache would be forgotten at once.
  const accepted = settings.tokenCache === undefined ? undefined : new WeakMap<VerifiedJwt, AcceptedToken>();

  return ({ scheme, token }) => {
    let jwt: VerifiedJwt;
    try {
      jwt = verifyJwt(token);
    } catch (error) {
      if (!(error instanceof JwtError)) throw error;
      return error.code === "unknown_key" ? { kind: "key_unknown" } : refused(refusalOf(error));
    }

    // Before what is remembered: a bound token that was accepted with a proof is no bearer token on the next request.
    const schemeFault = findSchemeFault(scheme, jwt.claims);
    if (schemeFault !== undefined) return refused(schemeFault);

    const known = accepted?.get(jwt);
    if (known !== undefined) return known;
    const reading = readAccessToken(jwt, kind);
    if (reading.kind === "malformed") {
      return refused({ code: "invalid_token", reason: "invalid_claim", claim: reading.claim });
    }

    const passed: AcceptedToken = { kind: "accepted", token: reading.token, foundAliveAt: 0 };
    accepted?.set(jwt, passed);
    return passed;
  };
}

function refusalOf(error: JwtError): Refusal {
  return {
    code: error.code === "expired" ? "expired_token" : "invalid_token",
    reason: error.code,
    ...(error.claim !== undefined && { claim: error.claim }),
  };
}

function refused(refusal: Refusal): Verdict {
  return { kind: "refused", refusal };
}
