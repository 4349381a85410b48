import type { ErrorCode } from "@latchkey/protocol";

import type { Answer } from "./answer.ts";
import { errorCodeOf } from "./answer.ts";
import type { UsableAnswer } from "./session.ts";
import { parseSessionAnswer } from "./session.ts";

/** What the answer to a refresh means. */
export type RefreshVerdict =
  | { readonly kind: "granted"; readonly answer: UsableAnswer }
  /**
   * The session is over, for a reason: the only verdict that ends one. Without a reason, no refresh cookie reached the
   * authority: nothing to refresh, and nothing of anybody's to wipe.
   */
  | { readonly kind: "over"; readonly reason: EndReason | undefined }
  /** The credential store moved on under the request: read it again. */
  | { readonly kind: "moved-on" }
  /** Everything else: nothing was lost, try again later. */
  | { readonly kind: "failed"; readonly cause: FailureCause; readonly retryAfterSeconds?: number | undefined };

/**
 * Why a session is over: the authority says so (`session_ended`), or it is bound to a key that this browser has no more
 * (`key_lost`), and can be refreshed by nobody; or it was seen on two devices (`insufficient_user_authentication`).
 */
export type EndReason = "session_ended" | "key_lost" | "insufficient_user_authentication";

export function parseEndReason(value: unknown): EndReason | undefined {
  return /^(session_ended|key_lost|insufficient_user_authentication)$/.test(String(value))
    ? (value as EndReason)
    : undefined;
}

/** Why a refresh failed: no answer at all, an answer that makes no sense, or the authority's own code. */
export type FailureCause = "no_answer" | "unexpected_answer" | ErrorCode;

export function judgeRefreshAnswer(answer: Answer | undefined): RefreshVerdict {
  if (answer === undefined) return { kind: "failed", cause: "no_answer" };
  const { status, retryAfterSeconds } = answer;
  const granted = status === 200 ? parseSessionAnswer(answer.body) : undefined;
  if (granted !== undefined) return { kind: "granted", answer: granted };

  const code = errorCodeOf(answer);
  const reason = parseEndReason(code);
  if (status === 401 && (reason || code === "missing_token")) return { kind: "over", reason };
  switch (`${status} ${code}`) {
    case "409 superseded":
    case "403 csrf_failed":
      return { kind: "moved-on" };
    default:
      return { kind: "failed", cause: code ?? "unexpected_answer", retryAfterSeconds };
  }
}
