/** The authority's metadata (RFC 8414). What is advertised is enforced; what does not exist is left out. */
export interface AuthorityMetadata {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly id_token_signing_alg_values_supported: readonly string[];
  readonly subject_types_supported: readonly string[];
  /** The members about clients that are not the operator's own apps (RFC 8414 §2, OpenID Connect Discovery §3). */
  readonly authorization_endpoint?: string;
  readonly token_endpoint?: string;
  readonly userinfo_endpoint?: string;
  readonly pushed_authorization_request_endpoint?: string;
  readonly end_session_endpoint?: string;
  readonly backchannel_logout_supported?: boolean;
  readonly backchannel_logout_session_supported?: boolean;
  readonly response_types_supported?: readonly string[];
  readonly response_modes_supported?: readonly string[];
  readonly grant_types_supported?: readonly string[];
  readonly code_challenge_methods_supported?: readonly string[];
  readonly token_endpoint_auth_methods_supported?: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported?: readonly string[];
  readonly authorization_response_iss_parameter_supported?: boolean;
  readonly request_parameter_supported?: boolean;
  readonly request_uri_parameter_supported?: boolean;
  readonly claims_supported?: readonly string[];
  /** RFC 9449 §5.1. */
  readonly dpop_signing_alg_values_supported: readonly string[];
  readonly scopes_supported?: readonly string[];
  /** The key set of API tokens, apart from that of access tokens; absent where there are none. */
  readonly api_token_jwks_uri?: string;
  /** Where resource servers may report that API tokens were used. */
  readonly api_token_uses_endpoint?: string;
  /** RFC 7009; for public clients, whose proof is the token they hold. */
  readonly revocation_endpoint?: string;
  readonly revocation_endpoint_auth_methods_supported?: readonly string[];
  /** RFC 7662 and 9701; absent where nobody may introspect. */
  readonly introspection_endpoint?: string;
  readonly introspection_endpoint_auth_methods_supported?: readonly string[];
  readonly introspection_signing_alg_values_supported?: readonly string[];
  /** Where revocations are published (see `revocation-feed.ts`), and whether following them takes credentials. */
  readonly revocation_feed_endpoint?: string;
  readonly revocation_feed_access?: "public" | "client_secret_basic";
}

/** Where OpenID Connect Discovery §4 looks for an issuer's metadata: the suffix is appended to the issuer. */
export function openidConfigurationUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

/** Where RFC 8414 §3.1 looks: the suffix stands between the issuer's origin and its path. */
export function authorizationServerMetadataUrl(issuer: string): string {
  const [, origin = issuer, path = ""] = /^(https?:\/\/[^/]+)(.*)$/.exec(issuer) ?? [];
  return `${origin}/.well-known/oauth-authorization-server${path.replace(/\/$/, "")}`;
}
