import { hash } from "node:crypto";

import type { OneTimePurpose } from "../ports/one-time-store.ts";
import type { FlowContext } from "./context.ts";

/** How far the clocks of two nodes may differ: a node that is behind takes a text for longer. */
const CLOCK_DIFFERENCE_SECONDS = 60;

/**
 * Whether a text that stands for something under way counts for the first time, on all nodes together. Asked last, when
 * nothing else is left that could refuse the request.
 *
 * @param expiresAt when the text is worthless anyway, in seconds since 1970
 */
export async function claimOnce(
  { store, clock }: Pick<FlowContext, "store" | "clock">,
  purpose: OneTimePurpose,
  { text, expiresAt }: { readonly text: string; readonly expiresAt: number },
): Promise<boolean> {
  return store.oneTime.consume({
    purpose,
    hash: hash("sha256", text, "base64url"),
    at: clock(),
    expiresAt: expiresAt + CLOCK_DIFFERENCE_SECONDS,
  });
}
