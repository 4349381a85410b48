import type { Jwk } from "@latchkey/jwt";
import { DPOP_ALGORITHMS } from "@latchkey/jwt";
import type { AuthorityMetadata } from "@latchkey/protocol";

import type { Answer, Exchange, HttpContext } from "./exchange.ts";

/** Public by nature: any origin may read it, and caches may keep it for a while. */
const PUBLIC = { "Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300" };

/** Nobody may keep a key set for longer than a key is published before it signs. */
function cachedFor({ keyPublishAheadSeconds }: HttpContext): string {
  return `public, max-age=${Math.min(300, keyPublishAheadSeconds)}`;
}

/** RFC 8414 §2. Only what exists is advertised; empty lists are left out (§3.2). */
export async function getMetadata({ http }: Exchange): Promise<Answer> {
  const { allowed } = http.policy.scopes;
  const metadata: AuthorityMetadata = {
    issuer: http.issuer,
    jwks_uri: `${http.issuer}/.well-known/jwks.json`,
    // Some resource servers read the algorithms of access tokens here.
    id_token_signing_alg_values_supported: http.accessTokenAlgorithms,
    subject_types_supported: ["public"],
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
    revocation_endpoint: `${http.issuer}/oauth/revoke`,
    revocation_endpoint_auth_methods_supported: ["none"],
    ...(http.resourceServers.configured && {
      introspection_endpoint: `${http.issuer}/oauth/introspect`,
      introspection_endpoint_auth_methods_supported: ["client_secret_basic"],
      introspection_signing_alg_values_supported: [http.keyRing.signingKey.alg],
    }),
    // Where nobody was named who may follow it, nobody is told of it.
    ...((http.isRevocationFeedPublic || http.resourceServers.configured) && {
      revocation_feed_endpoint: `${http.issuer}/revocations`,
      revocation_feed_access: http.isRevocationFeedPublic ? "public" : "client_secret_basic",
    }),
    ...(http.apiTokens !== undefined && { api_token_jwks_uri: `${http.issuer}/.well-known/api-token-jwks.json` }),
    ...(http.apiTokens !== undefined &&
      http.resourceServers.configured && { api_token_uses_endpoint: `${http.issuer}/api-tokens/uses` }),
    ...(allowed.length > 0 && { scopes_supported: allowed }),
  };
  return {
    status: 200,
    headers: { ...PUBLIC, "Content-Type": "application/json" },
    body: JSON.stringify(metadata),
  };
}

export async function getKeySet({ http }: Exchange): Promise<Answer> {
  return keySetAnswer(http, http.keyRing.publicKeys);
}

/** Of API tokens: a key set of its own, so that who knows the other one alone can take none of them. */
export async function getApiTokenKeySet({ http }: Exchange): Promise<Answer> {
  return keySetAnswer(http, http.keyRing.apiTokenKeys.publicKeys);
}

function keySetAnswer(http: HttpContext, keys: readonly Jwk[]): Answer {
  return {
    status: 200,
    headers: { ...PUBLIC, "Cache-Control": cachedFor(http), "Content-Type": "application/jwk-set+json" },
    body: JSON.stringify({ keys }),
  };
}
