import type { Session, UsableAnswer } from "./session.ts";

/** An access token in memory, and what is known of it. Times are of the monotonic clock, in milliseconds. */
export interface HeldToken {
  readonly answer: UsableAnswer;
  readonly session: Session;
  /** The version of the credentials it came with. */
  readonly version: string;
  readonly obtainedAtMs: number;
  readonly expiresAtMs: number;
  /** Not handed out from here on: it might expire on its way to the API. */
  readonly freshUntilMs: number;
  /** When to fetch the next, unasked. */
  readonly refreshAtMs: number;
}

export interface TokenTimes {
  /** When its life began, at the earliest: before the request that asked for it. */
  readonly bornAtMs: number;
  readonly lifeMs: number;
  readonly nowMs: number;
  /** From 0 to below 1. Spreads the refreshes of many tabs and many users. */
  readonly jitter: number;
}

/**
 * Refreshes after 70 to 85 % of the token's life, so that tabs rarely meet and a failed try has time for another; never
 * sooner than a little while from now, so that an answer slower than the token's life makes no storm.
 */
export function timesOf({ bornAtMs, lifeMs, nowMs, jitter }: TokenTimes): {
  readonly obtainedAtMs: number;
  readonly expiresAtMs: number;
  readonly freshUntilMs: number;
  readonly refreshAtMs: number;
} {
  const expiresAtMs = bornAtMs + lifeMs;
  const planned = bornAtMs + lifeMs * (0.7 + 0.15 * jitter);
  return {
    obtainedAtMs: nowMs,
    expiresAtMs,
    freshUntilMs: expiresAtMs - Math.min(10_000, lifeMs / 10),
    refreshAtMs: Math.max(planned, nowMs + Math.min(1_000, lifeMs / 4)),
  };
}
