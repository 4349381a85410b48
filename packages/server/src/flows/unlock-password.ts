import { normalizeEmail } from "../domain/user.ts";
import type { Store } from "../ports/store.ts";

/**
 * Lets an account's password be tried again that has been guessed wrong too often in a row: for an administrator, who has
 * made sure whose account it is. Answers whether there is such an account.
 */
export async function unlockPassword(store: Pick<Store, "accounts">, email: string): Promise<boolean> {
  const account = await store.accounts.findAccountByEmail(normalizeEmail(email));
  if (account === undefined) return false;
  await store.accounts.clearPasswordChecks(account.user.id);
  return true;
}
