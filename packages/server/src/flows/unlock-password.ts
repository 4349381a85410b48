import { OPERATOR } from "../domain/event.ts";
import { normalizeEmail } from "../domain/user.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";

/**
 * Lets an account's password be tried again that has been guessed wrong too often in a row: for an administrator, who has
 * made sure whose account it is. Answers whether there is such an account.
 */
export async function unlockPassword(
  { store, clock }: { readonly store: Pick<Store, "accounts">; readonly clock: Clock },
  email: string,
): Promise<boolean> {
  const account = await store.accounts.findAccountByEmail(normalizeEmail(email));
  if (account === undefined) return false;
  const userId = account.user.id;
  const event = { type: "password_unlocked", userId, at: clock(), origin: OPERATOR } as const;
  await store.accounts.clearPasswordChecks(userId, event);
  return true;
}
