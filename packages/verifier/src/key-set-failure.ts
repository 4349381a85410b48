/** Why the issuer's keys could not be fetched; for health checks and logs. */
export type KeySetFailureReason =
  | "unreachable"
  | "timeout"
  | "bad_status"
  | "redirected"
  | "too_large"
  | "not_json"
  | "bad_metadata"
  | "issuer_mismatch"
  | "bad_key_set"
  | "closed"
  | "unexpected";

export interface KeySetFailure {
  readonly reason: KeySetFailureReason;
  /** One sentence for the operator: what was wrong, at which URL. */
  readonly message: string;
  /** `bad_status`, `redirected`: what the issuer answered. */
  readonly status?: number;
}

/** Something fetched, or why not. */
export type Fetched<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "failed"; readonly failure: KeySetFailure };

export function failed(
  reason: KeySetFailureReason,
  message: string,
  status?: number,
): { readonly kind: "failed"; readonly failure: KeySetFailure } {
  return { kind: "failed", failure: { reason, message, ...(status !== undefined && { status }) } };
}
