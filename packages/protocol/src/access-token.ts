/** The media types of the JWTs one authority issues; each consumer takes exactly one (RFC 8725 §3.11). */
export const ACCESS_TOKEN_TYPE = "at+jwt";
export const REFRESH_TOKEN_TYPE = "rt+jwt";
export const INTROSPECTION_TYPE = "token-introspection+jwt";

/** The claims of an access token (RFC 9068 §2.2 and Latchkey's `sid`, `roles`). Times are seconds since 1970. */
export interface AccessTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly client_id: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  /** The session, which revocation names. */
  readonly sid: string;
  /** Space-delimited. */
  readonly scope: string;
  /** When the user last proved who they are; unchanged by refreshes. */
  readonly auth_time: number;
  /** How (RFC 8176), for example `["pwd"]`. */
  readonly amr: readonly string[];
  readonly acr: string;
  /** Absent where the user has none. */
  readonly roles?: readonly string[];
  /** How often the user's rights have changed; absent where never. Older ones than the revocation feed names are stale. */
  readonly claims_epoch?: number;
  /** Where to learn whether the session has ended (draft-ietf-oauth-status-list §6.1), where the authority keeps lists. */
  readonly status?: { readonly status_list: { readonly idx: number; readonly uri: string } };
  /** The key a bound token must be used with (RFC 9449 §6.1). */
  readonly cnf?: { readonly jkt: string };
}

/** Splits a space-delimited scope (RFC 6749 §3.3). */
export function parseScope(scope: string): readonly string[] {
  return scope.split(" ").filter((value) => value !== "");
}
