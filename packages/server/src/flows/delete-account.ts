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
  await checkPassword(context, who, request.password);
  const deleted = await context.store.accounts.deleteAccount(who.user.id, {
    type: "account_deleted",
    userId: who.user.id,
    at: context.clock(),
    origin: request.origin,
  });
  if (!deleted) throw new AuthError("invalid_token");
}
