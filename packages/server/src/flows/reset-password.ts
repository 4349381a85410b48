import type { Origin } from "../domain/event.ts";
import { AuthError } from "../errors.ts";
import { stateOf } from "../tokens/mail-token.ts";
import { hashNewPassword, refuseWeakPassword } from "./choose-password.ts";
import type { FlowContext } from "./context.ts";
import { mailInBackground } from "./send-mail.ts";

/**
 * Sets the password of whoever got the mail, and ends all sessions of the account; nobody is signed in by it. Of any
 * number at once with one token, one sets its password: the token is bound to the password that it replaces.
 *
 * @throws AuthError `invalid_token`, `weak_password` (the token is good still)
 */
export async function resetPassword(
  context: FlowContext,
  request: { readonly token: string; readonly password: string; readonly origin: Origin },
): Promise<void> {
  const { accounts } = context.store;
  const subject = context.mailTokens.parse("password-reset", request.token);
  const account = subject === undefined ? undefined : await accounts.findAccount(subject.userId);
  if (account === undefined || subject?.state !== stateOf("password-reset", account)) throw invalidToken();
  if (account.user.disabledAt !== null) throw invalidToken();
  refuseWeakPassword(context, request.password, account.user);
  const userId = account.user.id;
  const newHash = await hashNewPassword(context, request.password, { userId, origin: request.origin });
  const at = context.clock();
  const changed = await accounts.changePassword(
    { userId, expectedHash: account.passwordHash, newHash, keepSessionId: null, at },
    { type: "password_changed", userId, keptSessionId: null, at, origin: request.origin },
  );
  if (!changed) throw invalidToken();
  // Whoever read the mail has the address; and whoever set the password before is out.
  await accounts.verifyEmail({ userId, email: account.user.email }, verified(userId, at, request.origin));
  mailInBackground(context, account.user.email, "password-changed");
}

function verified(userId: string, at: number, origin: Origin) {
  return { type: "email_verified", userId, at, origin } as const;
}

function invalidToken(): AuthError {
  return new AuthError("invalid_token", { status: 400 });
}
