import type { ErrorCode } from "@latchkey/protocol";
import { ERRORS } from "@latchkey/protocol";

/** What an error's answer may say beyond its code. */
export interface ErrorDetails {
  /** `invalid_request`: one sentence that names the field and says how to mend it. Never holds what was sent. */
  readonly description?: string;
  /** `weak_password`: what to mend; `unavailable`: by their codes, the parts that are. */
  readonly reasons?: readonly string[];
  /** `insufficient_scope`: what the request needs. */
  readonly scope?: string;
  /** `insufficient_user_authentication`: how long ago the sign-in may have been, in whole seconds (RFC 9470). */
  readonly maxAgeSeconds?: number;
  /** `unavailable`, `rate_limited`, `locked_out`: whole seconds to wait. */
  readonly retryAfterSeconds?: number;
  /** The scheme to challenge with, where it is not `Bearer`. */
  readonly scheme?: "DPoP";
  /** In place of the code's own, where one code serves two: one-time tokens are refused with 400, access tokens with 401. */
  readonly status?: number;
  /** `invalid_request`: the name of the cookie that there are two of. */
  readonly duplicateCookie?: string;
  /** `method_not_allowed`: what is. */
  readonly allow?: readonly string[];
}

/**
 * A refusal that the caller is told of, by its code and by nothing that would help to guess tokens or passwords. Thrown
 * after transactions have committed, never inside: an error would undo what the refusal rests on.
 */
export class AuthError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(details.description ?? ERRORS[code].description, options);
    this.name = "AuthError";
    this.code = code;
    this.details = details;
  }
}

/** Options that cannot be served safely. Thrown when the server is made, so that it never starts; says how to mend it. */
export class ConfigurationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConfigurationError";
  }
}

/**
 * A service that keeps secrets or keys could not be asked, or refused. What it is needed for is answered with 503 until it
 * can be; nothing ends for it. The message is one sentence without anything secret, and there is no `cause`: clients of such services
 * put credentials into their errors.
 */
export class KeyServiceError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "KeyServiceError";
  }
}
