import { OPERATOR } from "../domain/event.ts";
import { normalizeEmail } from "../domain/user.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";

/** Sets a user's roles; tokens carry them from the next refresh on. Answers whether there is such a user. */
export async function setRoles(
  context: { readonly store: Store; readonly clock: Clock },
  email: string,
  roles: readonly string[],
): Promise<boolean> {
  const account = await context.store.accounts.findAccountByEmail(normalizeEmail(email));
  if (account === undefined) return false;
  const userId = account.user.id;
  return context.store.accounts.setRoles(
    { userId, roles },
    { type: "roles_changed", userId, at: context.clock(), origin: OPERATOR },
  );
}
