import { OPERATOR } from "../domain/event.ts";
import { normalizeEmail } from "../domain/user.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";

interface ManagingContext {
  readonly store: Store;
  readonly clock: Clock;
}

/**
 * Disables an account, for an administrator: from this moment on it cannot be signed in to and no session of it is refreshed;
 * then its sessions end, which the revocation feed tells. To be asked again where it fails in between. Answers whether there
 * is such an account.
 */
export async function disableUser({ store, clock }: ManagingContext, email: string): Promise<boolean> {
  const account = await store.accounts.findAccountByEmail(normalizeEmail(email));
  if (account === undefined) return false;
  const userId = account.user.id;
  const at = clock();
  await store.accounts.setDisabled(
    { userId, disabledAt: at },
    { type: "account_disabled", userId, at, origin: OPERATOR },
  );
  const reason = "account_disabled";
  await store.sessions.revokeUserSessions(
    { userId, exceptSessionId: null, at, reason },
    { type: "user_sessions_revoked", userId, keptSessionId: null, reason, at, origin: OPERATOR },
  );
  return true;
}

/** Lets a disabled account be signed in to again. Answers whether there is such an account. */
export async function enableUser({ store, clock }: ManagingContext, email: string): Promise<boolean> {
  const account = await store.accounts.findAccountByEmail(normalizeEmail(email));
  if (account === undefined) return false;
  const userId = account.user.id;
  await store.accounts.setDisabled(
    { userId, disabledAt: null },
    { type: "account_enabled", userId, at: clock(), origin: OPERATOR },
  );
  return true;
}

/** A password may be changed, or its hash be replaced, between the look and the deletion; more often than this it is not. */
const MAX_TRIES = 8;

/** Removes an account and ends its sessions, for an administrator. Answers whether there is such an account. */
export async function deleteUser({ store, clock }: ManagingContext, email: string): Promise<boolean> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const account = await store.accounts.findAccountByEmail(normalizeEmail(email));
    if (account === undefined) return tries > 0;
    const { passwordHash, user } = account;
    const event = { type: "account_deleted", userId: user.id, at: clock(), origin: OPERATOR } as const;
    if (await store.accounts.deleteAccount({ userId: user.id, expectedHash: passwordHash }, event)) return true;
  }
  throw new Error("The account changes faster than it can be deleted.");
}
