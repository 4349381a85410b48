/**
 * Why something was refused. The union is stable: members may be added in a minor version, never renamed.
 *
 * About a token: `malformed_token` (not a strict compact JWS with a JSON object header and payload), `token_too_large`,
 * `unsupported_algorithm` (`none`, missing, or no signature algorithm of this package), `unsupported_header` (`b64`, `zip`,
 * or a JWE), `unsupported_critical` (any `crit`), `unknown_key`, `wrong_algorithm` (not the algorithm the key is bound to),
 * `invalid_signature`, `wrong_type` (`typ`), `missing_claim` and `invalid_claim` (both name the `claim`), `expired`,
 * `not_yet_valid` (`nbf` or `iat` lies in the future; `claim` says which), `nonce_required` (DPoP proofs alone).
 *
 * About configuration: `invalid_key`, `weak_key`, `invalid_options`.
 */
export type JwtErrorCode =
  | "malformed_token"
  | "token_too_large"
  | "unsupported_algorithm"
  | "unsupported_header"
  | "unsupported_critical"
  | "unknown_key"
  | "wrong_algorithm"
  | "invalid_signature"
  | "wrong_type"
  | "missing_claim"
  | "invalid_claim"
  | "expired"
  | "not_yet_valid"
  | "nonce_required"
  | "invalid_key"
  | "weak_key"
  | "invalid_options";

/** The only error this package throws. It never carries a token, a signature, a secret or a claim's value. */
export class JwtError extends Error {
  override readonly name = "JwtError";
  readonly code: JwtErrorCode;
  /** The claim a `missing_claim`, `invalid_claim`, `expired` or `not_yet_valid` is about. */
  readonly claim?: string;

  constructor(code: JwtErrorCode, message: string, claim?: string) {
    super(message);
    this.code = code;
    if (claim !== undefined) this.claim = claim;
  }
}

/**
 * The error for a refused token, without a stack trace: whoever floods a server with bad tokens must not make it walk the
 * stack each time (4.6 µs with a trace, 0.5 µs without, against 2 µs for the whole verification). The code says everything
 * the trace would: the caller handed a token to a verifier.
 */
export function rejection(code: JwtErrorCode, message: string, claim?: string): JwtError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new JwtError(code, message, claim);
  } finally {
    Error.stackTraceLimit = limit;
  }
}
