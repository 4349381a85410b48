import type { JwtErrorCode } from "@latchkey/jwt";
import type { ErrorCode } from "@latchkey/protocol";
import { ERRORS } from "@latchkey/protocol";

/** The answers a protected API gives instead of its own (RFC 6750 §3.1); each is also the `error` of the JSON body. */
export type RefusalCode = Extract<
  ErrorCode,
  | "missing_token"
  | "invalid_request"
  | "invalid_token"
  | "expired_token"
  | "invalid_dpop_proof"
  | "use_dpop_nonce"
  | "stale_token"
  | "insufficient_scope"
  | "origin_not_allowed"
  | "unavailable"
>;

/**
 * Why, for logs and metrics only: it is never sent. Those of `@latchkey/jwt` (`wrong_type`, `invalid_signature`, …), and
 * `no_token`, `repeated_cookie`, `foreign_page` (the token came as a cookie, and who sent it is no page of ours),
 * `malformed_authorization`, `repeated_authorization`, `bound_token` (a token that demands a proof of possession
 * came without one, or demands one that is not known here), `unbound_token` (a proof came with a token that is bound to no
 * key), `unsupported_scheme` (a proof, and no URL of this API's to check it with), `no_proof`, `repeated_proof`,
 * `wrong_key`, `replayed_proof`, `no_request_line` (whoever called the verifier did not hand over method and URL),
 * `no_replay_store` (it failed, or is full), `not_for_us` (the key is unknown, and the token would be refused whatever it
 * is), `missing_scope`, `missing_role`, `no_keys` (the issuer's key set cannot be had),
 * `revoked_session`, `revoked_subject`, `revoked_token`, `revoked_key`, `old_claims` (the user's rights have changed since),
 * `revoked_by_introspection`, `stale_revocations` (what was heard of revocations is too old), `no_introspection` (it is,
 * and the issuer did not answer when asked about the token), `closed`.
 */
export type RefusalReason =
  | JwtErrorCode
  | "no_token"
  | "repeated_cookie"
  | "foreign_page"
  | "malformed_authorization"
  | "repeated_authorization"
  | "bound_token"
  | "unsupported_scheme"
  | "unbound_token"
  | "no_proof"
  | "repeated_proof"
  | "wrong_key"
  | "replayed_proof"
  | "no_request_line"
  | "no_replay_store"
  | "not_for_us"
  | "missing_scope"
  | "missing_role"
  | "no_keys"
  | "revoked_session"
  | "revoked_subject"
  | "revoked_token"
  | "revoked_key"
  | "old_claims"
  | "revoked_by_introspection"
  | "stale_revocations"
  | "no_introspection"
  | "closed";

/** A refusal as data. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly reason: RefusalReason;
  /** The claim that was missing or wrong. */
  readonly claim?: string;
  /** The scheme to challenge with, where it is not `Bearer`. */
  readonly scheme?: "DPoP";
  /** `invalid_token`: the token is bound to a key, and came as if it were not. */
  readonly needsProof?: true;
  /** `missing_token`: a token bound to a key, with a proof, would do as well. */
  readonly takesProofs?: true;
  /** `use_dpop_nonce`: the nonce to make the next proof with. */
  readonly dpopNonce?: string;
  /** `insufficient_scope`: what the request needs, space-delimited. */
  readonly scope?: string;
  /** `unavailable`: whole seconds until it is worth asking again. */
  readonly retryAfterSeconds?: number;
}

/**
 * `RefusalCode`: the request is refused, see `refusal`. `invalid_options`: the verifier or a middleware was made with
 * unsafe or unknown options. `not_guarded`: a scope or role was demanded where no guard has run before.
 */
export type VerifierErrorCode = RefusalCode | "invalid_options" | "not_guarded";

/** The only error this package throws. It never carries a token or a claim's value. */
export class VerifierError extends Error {
  override readonly name = "VerifierError";
  readonly code: VerifierErrorCode;
  /** What to answer; `undefined` for mistakes in the program. */
  readonly refusal?: Refusal;

  constructor(code: VerifierErrorCode, message: string, refusal?: Refusal, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    if (refusal !== undefined) this.refusal = refusal;
  }
}

/**
 * The error for a refused request, without a stack trace: who floods an API with bad tokens must not make it walk the
 * stack each time, and the trace would only show the framework.
 */
export function refusalError(refusal: Refusal, options?: ErrorOptions): VerifierError {
  const detail = refusal.claim === undefined ? refusal.reason : `${refusal.reason}: ${refusal.claim}`;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new VerifierError(refusal.code, `${ERRORS[refusal.code].description} (${detail})`, refusal, options);
  } finally {
    Error.stackTraceLimit = limit;
  }
}
