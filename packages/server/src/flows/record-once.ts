import { hash } from "node:crypto";

import type { AuthEvent } from "../domain/event.ts";
import type { FlowContext } from "./context.ts";

/** From one full hour to the next an event is the same one as before; in seconds. */
const SAME_SECONDS = 3_600;

/**
 * Records what anybody may bring about as often as they like, once an hour: nobody fills the log with one token.
 *
 * @param subject what it happened to: of events of one type and subject one is recorded
 */
export async function recordOnce(
  { store, clock }: Pick<FlowContext, "store" | "clock">,
  subject: string,
  event: AuthEvent,
): Promise<void> {
  const at = clock();
  const isFirst = await store.oneTime.consume({
    purpose: "recorded-event",
    // What is over may still be there, and would count on.
    hash: hash("sha256", `${event.type}\n${subject}\n${Math.floor(at / SAME_SECONDS)}`, "base64url"),
    at,
    expiresAt: at + SAME_SECONDS,
  });
  if (isFirst) await store.events.appendEvent(event);
}
