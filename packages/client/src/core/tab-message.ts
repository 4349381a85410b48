import type { EndReason } from "./refresh-verdict.ts";
import { parseEndReason } from "./refresh-verdict.ts";
import { isRecord, parseSessionAnswer } from "./session.ts";
import type { UsableAnswer } from "./session.ts";

/** What tabs tell each other. The credential store is the truth; a message is a hint to look at it. */
export type TabMessage =
  /** Whoever has a fresh token, hand it over. */
  | { readonly type: "ask" }
  | {
      readonly type: "token";
      /** Of the credentials it came with. */
      readonly version: string;
      readonly answer: UsableAnswer;
      /** Clocks of tabs differ, so its age travels, not its time of birth. */
      readonly ageMs: number;
      readonly sentAtWallMs: number;
    }
  /** Let go of these credentials: their session is over for the reason, or, without one, somebody has signed out. */
  | { readonly type: "drop"; readonly version: string; readonly reason?: EndReason | undefined };

/** A message that lay in the queue of a frozen tab for longer says too little about now. */
const MAX_TRANSIT_MS = 5_000;

/** Reads a message; `undefined` for whatever is none, or came too late. */
export function parseTabMessage(value: unknown, wallMs: number): TabMessage | undefined {
  if (!isRecord(value)) return undefined;
  const { type, version } = value;
  if (type === "ask") return { type };
  if (typeof version !== "string") return undefined;
  if (type === "drop") return { type, version, reason: parseEndReason(value["reason"]) };
  if (type !== "token") return undefined;

  const answer = parseSessionAnswer(value["answer"]);
  const { ageMs, sentAtWallMs } = value;
  if (answer === undefined || typeof ageMs !== "number" || typeof sentAtWallMs !== "number") return undefined;
  const transitMs = wallMs - sentAtWallMs;
  // Negative where the device's clock was set back meanwhile.
  if (transitMs < 0 || transitMs > MAX_TRANSIT_MS) return undefined;
  return { type, version, answer, ageMs: ageMs + transitMs, sentAtWallMs };
}
