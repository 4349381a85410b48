import { hash } from "node:crypto";

import type { OneTimePurpose } from "../ports/one-time-store.ts";
import type { FlowContext } from "./context.ts";

/** How far the clocks of two nodes may differ: a node that is behind takes a text for longer. */
const CLOCK_DIFFERENCE_SECONDS = 60;

/** What counts once, and when it is worthless anyway, in seconds since 1970. */
interface CountsOnce {
  readonly hash: string;
  readonly expiresAt: number;
}

type Counter = Pick<FlowContext, "store" | "clock">;

/**
 * Whether a text that stands for something under way counts for the first time, on all nodes together. Asked last, when
 * nothing else is left that could refuse the request.
 */
export async function claimOnce(
  counter: Counter,
  purpose: OneTimePurpose,
  { text, expiresAt }: { readonly text: string; readonly expiresAt: number },
): Promise<boolean> {
  return claimHashOnce(counter, purpose, { hash: hash("sha256", text, "base64url"), expiresAt });
}

/** The same for what has been hashed already. */
export async function claimHashOnce(
  { store, clock }: Counter,
  purpose: OneTimePurpose,
  { hash: ofText, expiresAt }: CountsOnce,
): Promise<boolean> {
  return store.oneTime.consume({
    purpose,
    hash: ofText,
    at: clock(),
    expiresAt: expiresAt + CLOCK_DIFFERENCE_SECONDS,
  });
}
