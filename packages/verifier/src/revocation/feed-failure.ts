/** Why the revocation feed cannot be followed; for health checks and logs. */
export type FeedFailureReason =
  /** The metadata names no feed. */
  | "not_offered"
  /** The feed takes credentials, and none were given. */
  | "no_credentials"
  /** 401 or 403. */
  | "refused"
  | "unreachable"
  | "bad_status"
  | "redirected"
  /** Not the type of answer that was asked for. */
  | "not_a_feed"
  /** No batch came for longer than there should be none. */
  | "silent"
  /** The node ended the stream. */
  | "ended"
  | "too_large"
  /** Wrong type, signature, issuer, time or form. */
  | "bad_batch"
  /** A batch goes on from another cursor than the one before it ended at. */
  | "gap"
  /** The key that a batch is signed with cannot be had. */
  | "no_keys"
  | "unexpected";

export interface FeedFailure {
  readonly reason: FeedFailureReason;
  /** One sentence for the operator: what was wrong, at which URL. Holds no secrets. */
  readonly message: string;
  /** `bad_status`, `redirected`, `refused`: what the node answered. */
  readonly status?: number;
}

export function feedFailure(reason: FeedFailureReason, message: string, status?: number): FeedFailure {
  return { reason, message, ...(status !== undefined && { status }) };
}
