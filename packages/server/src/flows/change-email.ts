import { createHash } from "node:crypto";

import type { Origin } from "../domain/event.ts";
import { normalizeEmail } from "../domain/user.ts";
import { AuthError } from "../errors.ts";
import { addressTakenMail, emailChangeAskedMail, emailChangedMail, emailChangeMail } from "../mail/messages.ts";
import type { Account } from "../ports/account-store.ts";
import { stateOf } from "../tokens/mail-token.ts";
import { checkPassword } from "./check-password.ts";
import type { FlowContext } from "./context.ts";
import type { SignedIn } from "./identify.ts";
import type { Claimant } from "./verify-email.ts";
import { isOwner } from "./verify-email.ts";

/** Longer than a link is good for, on the slowest clock of a node. */
const REMEMBERED_SECONDS = 7_200;

/**
 * Mails a link to the address that an account is to have, and a notice to the one it has. Until the link is used nothing
 * changes. The answer says nothing, and comes before anybody has looked whether the new address has an account: its owner is
 * told so by mail, and nobody else.
 *
 * @throws AuthError `invalid_credentials`; `rate_limited`; `invalid_request` where it is the account's address already
 */
export async function requestEmailChange(
  context: FlowContext,
  who: SignedIn,
  request: { readonly email: string; readonly password: string; readonly origin: Origin },
): Promise<void> {
  const account = await checkPassword(context, who, request);
  const email = normalizeEmail(request.email);
  if (email === account.user.email) {
    throw new AuthError("invalid_request", { description: "email: is the account's address already." });
  }
  await context.attemptLimits.beforeMail({ email, ip: request.origin.ip });
  mailEmailChange(context, account, email);
}

function mailEmailChange({ mail, mailTokens, store, background }: FlowContext, account: Account, email: string): void {
  const page = mail?.links.changeEmail;
  if (mail === undefined || page === undefined) return;
  const { mailer } = mail;
  background.run("mail (email-change)", async () => {
    // Both go in any case: neither mail hangs on whether the other could be sent.
    const taken = (await store.accounts.findAccountByEmail(email)) !== undefined;
    const sent = await Promise.allSettled([
      mailer.send(
        taken ? addressTakenMail(email) : emailChangeMail(email, page, mailTokens.issueEmailChange(account, email)),
      ),
      mailer.send(emailChangeAskedMail(account.user.email)),
    ]);
    for (const result of sent) if (result.status === "rejected") throw result.reason;
  });
}

/**
 * Gives an account the address that its link was mailed to. As for an address that is confirmed, the mail alone does not do:
 * the password must be known, or the account be signed in to. Counts once, and not after the address or the password has
 * changed in another way.
 *
 * @throws AuthError `invalid_token`, for whatever cause
 */
export async function changeEmail(
  context: FlowContext,
  request: { readonly token: string; readonly by: Claimant; readonly origin: Origin },
): Promise<void> {
  const { accounts, oneTime, sessions } = context.store;
  const { by, origin } = request;
  const subject = context.mailTokens.parseEmailChange(request.token);
  const account = subject === undefined ? undefined : await accounts.findAccount(subject.userId);
  if (subject === undefined || account === undefined) throw invalidToken();
  if (subject.state !== stateOf("email-change", account) || account.user.disabledAt !== null) throw invalidToken();
  if (!(await isOwner(context, account, request))) throw invalidToken();
  if ((await accounts.findAccountByEmail(subject.email)) !== undefined) throw invalidToken();

  const at = context.clock();
  const hash = createHash("sha256").update(request.token).digest("base64url");
  const expiresAt = at + REMEMBERED_SECONDS;
  if (!(await oneTime.consume({ purpose: "email-change", hash, at, expiresAt }))) throw invalidToken();

  const userId = account.user.id;
  const keptSessionId = "user" in by ? by.session.id : null;
  // First, so that whatever stops this half-way has ended sessions too early, and left none too long.
  if (context.policy.emailChangeEnds === "other-sessions") {
    const reason = "email_changed";
    await sessions.revokeUserSessions(
      { userId, exceptSessionId: keptSessionId, at, reason },
      { type: "user_sessions_revoked", userId, keptSessionId, reason, at, origin },
    );
  }
  const { passwordHash: expectedHash } = account;
  const changed = await accounts.changeEmail(
    { userId, expectedEmail: account.user.email, expectedHash, newEmail: subject.email },
    { type: "email_changed", userId, at, origin },
  );
  if (!changed) throw invalidToken();
  const { mail, background } = context;
  if (mail !== undefined) {
    background.run("mail (email-changed)", () => mail.mailer.send(emailChangedMail(account.user.email)));
  }
}

function invalidToken(): AuthError {
  return new AuthError("invalid_token", { status: 400 });
}
