import type { Origin } from "../domain/event.ts";
import { normalizeEmail } from "../domain/user.ts";
import { AuthError } from "../errors.ts";
import type { Account } from "../ports/account-store.ts";
import { stateOf } from "../tokens/mail-token.ts";
import { inHashingPlace, isPasswordOf } from "./check-password.ts";
import type { FlowContext } from "./context.ts";
import type { SignedIn } from "./identify.ts";
import { mailInBackground } from "./send-mail.ts";

/** Who calls: somebody signed in, or somebody who says the account's password. */
export type Claimant = SignedIn | { readonly password: string };

/**
 * Notes that an account's address is its owner's. The mail alone does not do: somebody else may have made the account, with a
 * password of theirs, and wait for the owner of the address to confirm it (pre-hijacking). So the password must be known as
 * well, or the account be signed in to. An owner who knows no password asks for a new one, which ends all sessions.
 *
 * @throws AuthError `invalid_token`, for whatever cause
 */
export async function verifyEmail(
  context: FlowContext,
  request: {
    readonly token: string;
    readonly by: Claimant;
    readonly origin: Origin;
  },
): Promise<void> {
  const { accounts } = context.store;
  const subject = context.mailTokens.parse("email-verification", request.token);
  const account = subject === undefined ? undefined : await accounts.findAccount(subject.userId);
  if (account === undefined || subject?.state !== stateOf("email-verification", account)) throw invalidToken();
  if (!(await isOwner(context, account, request))) throw invalidToken();
  const { id: userId, email } = account.user;
  const event = { type: "email_verified", userId, at: context.clock(), origin: request.origin } as const;
  if (!(await accounts.verifyEmail({ userId, email }, event))) throw invalidToken();
}

/** Whether whoever followed a mailed link is the one whose account it is about. @throws AuthError `rate_limited` */
export async function isOwner(
  context: FlowContext,
  account: Account,
  { by, origin }: { readonly by: Claimant; readonly origin: Origin },
): Promise<boolean> {
  if ("user" in by) return by.user.id === account.user.id;
  const attempt = { email: account.user.email, ip: origin.ip, sessionId: null, password: by.password };
  return inHashingPlace(context, (place) => isPasswordOf(context, account, attempt, place));
}

/** Mails the link once more. */
export async function resendVerification(context: FlowContext, who: SignedIn, origin: Origin): Promise<void> {
  const email = normalizeEmail(who.user.email);
  await context.attemptLimits.beforeMail({ email, ip: origin.ip });
  mailInBackground(context, email, "email-verification");
}

function invalidToken(): AuthError {
  return new AuthError("invalid_token", { status: 400 });
}
