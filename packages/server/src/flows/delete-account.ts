import type { Origin } from "../domain/event.ts";
import { AuthError } from "../errors.ts";
import { checkPassword } from "./check-password.ts";
import type { FlowContext } from "./context.ts";
import type { SignedIn } from "./identify.ts";

/** Removes the user's account and ends all sessions with it. */
export async function deleteAccount(
  context: FlowContext,
  who: SignedIn,
  request: { readonly password: string; readonly origin: Origin },
): Promise<void> {
  const { passwordHash } = await checkPassword(context, who, request);
  const userId = who.user.id;
  const deleted = await context.store.accounts.deleteAccount(
    { userId, expectedHash: passwordHash },
    { type: "account_deleted", userId, at: context.clock(), origin: request.origin },
  );
  // The password was changed, or the account deleted, between the check and now: what was checked is no longer true.
  if (!deleted) throw new AuthError("invalid_credentials");
}
