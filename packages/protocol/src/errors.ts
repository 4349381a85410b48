/**
 * Every error code that crosses the wire, with the one status and the one sentence that go with it. The sentence is the
 * same for every cause: who tries tokens or passwords learns nothing from it.
 */
export const ERRORS = {
  invalid_request: { status: 400, description: "The request is malformed." },
  invalid_grant: { status: 400, description: "The grant is invalid, expired or revoked." },
  unsupported_grant_type: { status: 400, description: "The grant type must be authorization_code or refresh_token." },
  invalid_scope: { status: 400, description: "The scope is malformed, or more than may be granted." },
  invalid_target: { status: 400, description: "The resource is none that a token may be had for." },
  weak_password: { status: 400, description: "The password does not meet the rules." },
  // RFC 9449 §5, §8; where a protected resource answers them, with 401 (§7.1, §9).
  invalid_dpop_proof: { status: 400, description: "The DPoP proof is missing or not valid." },
  use_dpop_nonce: { status: 400, description: "The DPoP proof needs the nonce that comes with this answer." },

  invalid_client: { status: 401, description: "The client's credentials are missing or wrong." },
  invalid_credentials: { status: 401, description: "The e-mail address or the password is wrong." },
  mfa_required: { status: 401, description: "A second factor is needed." },
  session_ended: { status: 401, description: "The session has ended. Sign in again." },
  missing_token: { status: 401, description: "No token was sent." },
  invalid_token: { status: 401, description: "The token is not valid." },
  expired_token: { status: 401, description: "The token has expired." },
  stale_token: { status: 401, description: "The token carries old rights. Refresh and try again." },
  insufficient_user_authentication: { status: 401, description: "A fresher or stronger sign-in is needed." },

  csrf_failed: { status: 403, description: "The CSRF token is missing or wrong." },
  origin_not_allowed: { status: 403, description: "Requests from this origin are not allowed." },
  insufficient_scope: { status: 403, description: "The token does not cover what this request needs." },
  account_disabled: { status: 403, description: "The account is disabled." },
  email_not_verified: { status: 403, description: "The e-mail address is not verified." },

  not_found: { status: 404, description: "There is nothing here." },
  method_not_allowed: { status: 405, description: "This method is not allowed here." },
  superseded: { status: 409, description: "A newer refresh has been answered. Read the credential store again." },
  email_taken: { status: 409, description: "There is an account with this e-mail address." },
  payload_too_large: { status: 413, description: "The request body is too large." },
  unsupported_media_type: { status: 415, description: "The request body must be application/json." },

  rate_limited: { status: 429, description: "Too many requests. Try again later." },
  locked_out: { status: 429, description: "Too many failed attempts. Try again later." },

  unavailable: { status: 503, description: "The service cannot answer right now. Try again later." },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** The status a protected resource answers a code with: there a proof is part of the authorization (RFC 9449 §7.1). */
export function statusAtResource(code: ErrorCode): number {
  return code === "invalid_dpop_proof" || code === "use_dpop_nonce" ? 401 : ERRORS[code].status;
}

/** The JSON body of every refusal. */
export interface ErrorAnswer {
  readonly error: ErrorCode;
  readonly error_description: string;
  /** `weak_password`: what to mend, for people; `unavailable` of `/health/ready`: the parts that are, by code. */
  readonly reasons?: readonly string[];
  /** `insufficient_scope`: what the request needs, space-delimited (RFC 6750 §3). */
  readonly scope?: string;
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(ERRORS, value);
}
