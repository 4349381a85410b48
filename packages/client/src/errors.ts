import type { ErrorCode } from "@latchkey/protocol";

/**
 * The authority's own codes (`ERRORS` of `@latchkey/protocol`), and the client's: `signed_out` (there is no session),
 * `unreachable` (no answer, or none that can be used: nothing was lost, try again later), `superseded_locally` (another
 * sign-in or sign-out on this client overtook the call), `invalid_options`, `closed`.
 */
export type ClientErrorCode =
  | ErrorCode
  | "signed_out"
  | "unreachable"
  | "superseded_locally"
  | "invalid_options"
  | "closed";

export interface ClientErrorDetails {
  /** `weak_password`: what to mend, for people. */
  readonly reasons?: readonly string[] | undefined;
  /** The authority asked not to be called again for this many whole seconds (`Retry-After`). */
  readonly retryAfterSeconds?: number | undefined;
}

/** The one error of this package. Carries no token, password or e-mail address. */
export class ClientError extends Error {
  override readonly name: string = "ClientError";
  // Set below; declared alone, they cost a page no bytes.
  declare readonly code: ClientErrorCode;
  declare readonly reasons: readonly string[] | undefined;
  declare readonly retryAfterSeconds: number | undefined;

  constructor(code: ClientErrorCode, message: string, details: ClientErrorDetails = {}) {
    super(message);
    this.code = code;
    this.reasons = details.reasons;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

export function signedOut(): ClientError {
  return new ClientError("signed_out", "Nobody is signed in.");
}

/** Whatever the cause, the advice is the same: nothing was lost, try again later. */
export function unreachable(details: ClientErrorDetails = {}): ClientError {
  return new ClientError("unreachable", "No usable answer from the authority. Try again later.", details);
}
