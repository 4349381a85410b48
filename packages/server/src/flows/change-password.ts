import type { Origin } from "../domain/event.ts";
import { AuthError } from "../errors.ts";
import type { FlowContext } from "./context.ts";
import { checkPassword } from "./check-password.ts";
import { hashNewPassword, refuseWeakPassword } from "./choose-password.ts";
import { mailInBackground } from "./send-mail.ts";
import type { SignedIn } from "./identify.ts";

/** Sets a new password and ends every other session of the user: whoever knew the old one is out. */
export async function changePassword(
  context: FlowContext,
  who: SignedIn,
  request: { readonly currentPassword: string; readonly newPassword: string; readonly origin: Origin },
): Promise<void> {
  const account = await checkPassword(context, who, {
    password: request.currentPassword,
    origin: request.origin,
  });
  refuseWeakPassword(context, request.newPassword, who.user);
  const newHash = await hashNewPassword(context, request.newPassword, { userId: who.user.id, origin: request.origin });
  const at = context.clock();
  const changed = await context.store.accounts.changePassword(
    { userId: who.user.id, expectedHash: account.passwordHash, newHash, keepSessionId: who.session.id, at },
    { type: "password_changed", userId: who.user.id, keptSessionId: who.session.id, at, origin: request.origin },
  );
  // Somebody else changed it between the check and now: what was checked is no longer the password.
  if (!changed) throw new AuthError("invalid_credentials");
  mailInBackground(context, who.user.email, "password-changed");
}
