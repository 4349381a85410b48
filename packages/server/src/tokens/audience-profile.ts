import { createHash } from "node:crypto";

import type { SigningKey } from "@latchkey/jwt";
import { createSecretKey } from "@latchkey/jwt";
import { ACCESS_TOKEN_TYPE } from "@latchkey/protocol";

import { ConfigurationError } from "../errors.ts";

/** The algorithms that access tokens can be signed with. `EdDSA` and `Ed25519` are two names of one: RFC 8037, RFC 9864. */
export const ACCESS_TOKEN_ALGORITHMS = [
  "ES256",
  "RS256",
  "PS256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
  "HS256",
] as const;

export type AccessTokenAlgorithm = (typeof ACCESS_TOKEN_ALGORITHMS)[number];

/** `JWT` is for consumers that refuse RFC 9068's type: it no longer tells access tokens from other tokens. */
export type AccessTokenType = typeof ACCESS_TOKEN_TYPE | "JWT";

/** An API that access tokens are issued for, and what they look like to it. */
export interface AudienceProfile {
  /** The value of `aud`. */
  readonly audience: string;
  readonly accessTokenTtlSeconds: number;
  readonly alg: AccessTokenAlgorithm;
  readonly typ: AccessTokenType;
  /** The claim that the user's roles are in. */
  readonly rolesClaim: string;
  /** For HS256 alone, shared with the API: the first signs, each verifies. */
  readonly sharedKeys: readonly SigningKey[];
}

/** The profile as it is asked for; what is left out is as usual. */
export interface AudienceRequest {
  readonly audience: string;
  readonly accessTokenTtlSeconds: number;
  readonly alg?: AccessTokenAlgorithm | undefined;
  readonly typ?: AccessTokenType | undefined;
  readonly rolesClaim?: string | undefined;
  readonly sharedSecret?: readonly string[] | undefined;
}

/** What these claims say is settled; see RFC 7519, RFC 9068 and the protocol's own. */
const SETTLED_CLAIMS =
  "iss sub aud exp nbf iat jti client_id sid scope auth_time amr acr claims_epoch cnf act may_act azp nonce status typ".split(
    " ",
  );

/** Whether a claim means the same in every token: neither roles nor claims of the operator's can be in it. */
export function isSettledClaim(name: string): boolean {
  return SETTLED_CLAIMS.includes(name);
}

/** @throws ConfigurationError for a combination that cannot be served safely */
export function createAudienceProfile(request: AudienceRequest): AudienceProfile {
  const { audience, accessTokenTtlSeconds, alg = "ES256", typ = ACCESS_TOKEN_TYPE } = request;
  const { rolesClaim = "roles", sharedSecret = [] } = request;
  if (alg === "HS256" && sharedSecret.length === 0) {
    throw new ConfigurationError(
      `audiences: ${audience} is to have HS256, which needs a sharedSecret. Make one with: openssl rand -hex 32`,
    );
  }
  if (alg !== "HS256" && sharedSecret.length > 0) {
    throw new ConfigurationError(
      `audiences: ${audience} has a sharedSecret, which is for HS256 alone. Remove one of both.`,
    );
  }
  if (isSettledClaim(rolesClaim)) {
    throw new ConfigurationError(
      `audiences: ${audience} is to have its roles in ${rolesClaim}, which means something else. Choose another rolesClaim.`,
    );
  }
  return { audience, accessTokenTtlSeconds, alg, typ, rolesClaim, sharedKeys: sharedSecret.map(sharedKeyOf) };
}

/** The text's own octets, as every library takes a secret that is given as text. */
function sharedKeyOf(secret: string): SigningKey {
  // Says nothing of a secret that nobody could guess.
  const kid = createHash("sha256")
    .update("latchkey shared secret v1\n")
    .update(secret)
    .digest("base64url")
    .slice(0, 16);
  return createSecretKey(Buffer.from(secret, "utf8"), { alg: "HS256", kid });
}
