import { normalizePassword } from "../domain/password-policy.ts";
import { AuthError } from "../errors.ts";
import type { Account } from "../ports/account-store.ts";
import type { FlowContext } from "./context.ts";
import type { SignedIn } from "./identify.ts";

/** Asks a signed-in user for the password once more, before something that a stolen access token must not do. */
export async function checkPassword(context: FlowContext, who: SignedIn, password: string): Promise<Account> {
  const account = await context.store.accounts.findAccount(who.user.id);
  if (account === undefined) throw new AuthError("invalid_token");
  const correct = await context.hasher.verify(normalizePassword(password), account.passwordHash);
  if (!correct) throw new AuthError("invalid_credentials");
  return account;
}
