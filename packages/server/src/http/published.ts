import type { Jwk } from "@latchkey/jwt";
import { DPOP_ALGORITHMS } from "@latchkey/jwt";
import type { AuthorityMetadata } from "@latchkey/protocol";

import { OPENID_SCOPES } from "../domain/oauth-client.ts";
import { ASSERTION_ALGORITHMS } from "./oauth/client-assertion.ts";
import type { ClientRegistry } from "./oauth/client-registry.ts";
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
  const { clients } = http.oauth ?? {};
  const scopes = [...new Set([...(clients === undefined ? [] : scopesOfClients(clients)), ...allowed])];
  const metadata: AuthorityMetadata = {
    issuer: http.issuer,
    jwks_uri: `${http.issuer}/.well-known/jwks.json`,
    // Some resource servers read the algorithms of access tokens here.
    id_token_signing_alg_values_supported: [
      ...new Set([...(clients?.all.map(({ idTokenAlg }) => idTokenAlg) ?? []), ...http.accessTokenAlgorithms]),
    ],
    subject_types_supported: ["public"],
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
    revocation_endpoint: `${http.issuer}/oauth/revoke`,
    revocation_endpoint_auth_methods_supported: [...new Set(["none", ...(clients?.authenticationMethods ?? [])])],
    ...(clients !== undefined && clientMetadata(http, clients)),
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
    ...(scopes.length > 0 && { scopes_supported: scopes }),
  };
  return {
    status: 200,
    headers: { ...PUBLIC, "Content-Type": "application/json" },
    body: JSON.stringify(metadata),
  };
}

/** What of OpenID Connect any client may ask for. */
function scopesOfClients({ all }: ClientRegistry): readonly string[] {
  return OPENID_SCOPES.filter((scope) => all.some(({ scopes }) => scopes.includes(scope)));
}

/** Only how clients do prove themselves, and what is enforced of their requests. */
function clientMetadata({ issuer }: HttpContext, clients: ClientRegistry): Partial<AuthorityMetadata> {
  const methods = clients.authenticationMethods;
  return {
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    userinfo_endpoint: `${issuer}/oauth/userinfo`,
    pushed_authorization_request_endpoint: `${issuer}/oauth/par`,
    end_session_endpoint: `${issuer}/oauth/logout`,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", "refresh_token"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: methods,
    ...(methods.includes("private_key_jwt") && {
      token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    }),
    authorization_response_iss_parameter_supported: true,
    request_parameter_supported: false,
    // Those that this authority has given itself, by PAR, and no others.
    request_uri_parameter_supported: false,
    claims_supported: "iss sub aud exp iat auth_time nonce at_hash sid amr acr name email email_verified".split(" "),
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
