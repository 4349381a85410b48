import type { RefreshState } from "./session.ts";

/**
 * A session that was agreed to for a client begins with its code: until that is redeemed it stands at this generation, no token
 * of it exists, and it ends within {@link CODE_LIFETIME_SECONDS}.
 */
export const CODE_GENERATION = 0;

/** For how long a code may be redeemed, in seconds (ASVS 10.4.3: a minute at most). */
export const CODE_LIFETIME_SECONDS = 60;

export type CodeVerdict =
  /** The cause is for the log, never for the answer. */
  | { readonly kind: "refuse"; readonly cause: "unknown" | "revoked" | "wrong_client" | "expired" }
  | { readonly kind: "redeem" }
  /** It has been redeemed before: whoever holds the tokens may not be who it was for (RFC 6749 §4.1.2). */
  | { readonly kind: "reuse" };

/** What should happen to this authentic code? Pure; the session's row is all there is to know of it. */
export function judgeCode(
  session: RefreshState | undefined,
  { clientId, now }: { readonly clientId: string; readonly now: number },
): CodeVerdict {
  if (session === undefined) return { kind: "refuse", cause: "unknown" };
  if (session.clientId !== clientId) return { kind: "refuse", cause: "wrong_client" };
  if (session.revokedAt !== null) return { kind: "refuse", cause: "revoked" };
  if (session.generation !== CODE_GENERATION) return { kind: "reuse" };
  if (now >= session.idleExpiresAt || now >= session.expiresAt) return { kind: "refuse", cause: "expired" };
  return { kind: "redeem" };
}
