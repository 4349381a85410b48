import { OPERATOR } from "../domain/event.ts";
import type { RevocationReason } from "../domain/session.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { endUserApiTokens } from "./end-api-token.ts";

/**
 * Something about a user is no longer as their tokens say. A user who is disabled or gone is signed out everywhere, and their
 * API tokens end; for any other, tokens issued so far are stale, and whoever has one refreshes. Told by the revocation feed, in the same step.
 */
export async function userChanged(
  context: { readonly store: Store; readonly clock: Clock },
  userId: string,
): Promise<void> {
  const { store, clock } = context;
  const user = await store.accounts.findUser(userId);
  if (user === undefined) return endEverything(context, userId, "account_deleted");
  if (user.disabledAt !== null) return endEverything(context, userId, "account_disabled");
  const event = { type: "claims_changed", userId, at: clock(), origin: OPERATOR } as const;
  if (!(await store.accounts.beginClaimsEpoch(userId, event))) await endEverything(context, userId, "account_deleted");
}

/** Sessions first: who makes an API token looks whether its session is there still. */
async function endEverything(
  context: { readonly store: Store; readonly clock: Clock },
  userId: string,
  reason: RevocationReason,
): Promise<void> {
  await endUserSessions(context, userId, reason);
  await endUserApiTokens(context, { userId, reason: "revoked_by_operator", origin: OPERATOR });
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
