import type { ErrorCode } from "@latchkey/protocol";

import type { Answer } from "./answer.ts";
import { errorCodeOf } from "./answer.ts";
import type { UsableAnswer } from "./session.ts";
import { parseSessionAnswer } from "./session.ts";

/** What the answer to a refresh means. */
export type RefreshVerdict =
  | { readonly kind: "granted"; readonly answer: UsableAnswer }
  /** The authority itself says that the session is over, or is to be begun anew here. The only verdict that ends one. */
  | { readonly kind: "ended" }
  /** No refresh cookie reached the authority: nothing to refresh, and nothing of anybody's to wipe. */
  | { readonly kind: "no-token" }
  /** The credential store moved on under the request: read it again. */
  | { readonly kind: "moved-on" }
  /** Everything else: nothing was lost, try again later. */
  | { readonly kind: "failed"; readonly cause: FailureCause; readonly retryAfterSeconds?: number | undefined };

/** Why a refresh failed: no answer at all, an answer that makes no sense, or the authority's own code. */
export type FailureCause = "no_answer" | "unexpected_answer" | ErrorCode;

export function judgeRefreshAnswer(answer: Answer | undefined): RefreshVerdict {
  if (answer === undefined) return { kind: "failed", cause: "no_answer" };
  const { status, retryAfterSeconds } = answer;
  const granted = status === 200 ? parseSessionAnswer(answer.body) : undefined;
  if (granted !== undefined) return { kind: "granted", answer: granted };

  const code = errorCodeOf(answer);
  switch (`${status} ${code}`) {
    case "401 session_ended":
    // Not with this credential: the authority has seen it on two devices, and asking again would not change that.
    case "401 insufficient_user_authentication":
      return { kind: "ended" };
    case "401 missing_token":
      return { kind: "no-token" };
    case "409 superseded":
    case "403 csrf_failed":
      return { kind: "moved-on" };
    default:
      return { kind: "failed", cause: code ?? "unexpected_answer", retryAfterSeconds };
  }
}
