import type { Origin } from "../domain/event.ts";
import type { RevocationReason } from "../domain/session.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";

/** The operator's own code has neither address nor browser. */
const OPERATOR: Origin = { ip: null, userAgent: null };

/**
 * Something about a user is no longer as their tokens say. A user who is disabled or gone is signed out everywhere; for any
 * other, tokens issued so far are stale, and whoever has one refreshes. Told by the revocation feed, in the same step.
 */
export async function userChanged(
  context: { readonly store: Store; readonly clock: Clock },
  userId: string,
): Promise<void> {
  const { store, clock } = context;
  const user = await store.accounts.findUser(userId);
  if (user === undefined) return void (await endUserSessions(context, userId, "account_deleted"));
  if (user.disabledAt !== null) return void (await endUserSessions(context, userId, "account_disabled"));
  const event = { type: "claims_changed", userId, at: clock(), origin: OPERATOR } as const;
  if (!(await store.accounts.beginClaimsEpoch(userId, event)))
    await endUserSessions(context, userId, "account_deleted");
}

/** Ends all sessions of a user; answers how many there were. */
export function endUserSessions(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  userId: string,
  reason: RevocationReason,
): Promise<number> {
  const at = clock();
  return store.sessions.revokeUserSessions(
    { userId, exceptSessionId: null, at, reason },
    { type: "user_sessions_revoked", userId, keptSessionId: null, reason, at, origin: OPERATOR },
  );
}
