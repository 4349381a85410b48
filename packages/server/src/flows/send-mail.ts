import type { AuthEvent } from "../domain/event.ts";
import { accountExistsMail, passwordChangedMail, passwordResetMail, verificationMail } from "../mail/messages.ts";
import type { MailLinks } from "../mail/messages.ts";
import type { Account } from "../ports/account-store.ts";
import type { Mail } from "../ports/mailer.ts";
import type { MailTokens } from "../tokens/mail-token.ts";
import type { FlowContext } from "./context.ts";

export type MailKind = "email-verification" | "account-exists" | "password-reset" | "password-changed";

/**
 * Looks for the account and writes to it behind the answer, so that nobody learns from its time whether there is one.
 * Where no mail is configured nothing is done.
 *
 * @param record what to write down of it, where there is an account
 */
export function mailInBackground(
  context: FlowContext,
  email: string,
  kind: MailKind,
  record?: (account: Account) => AuthEvent,
): void {
  const { mail, mailTokens, store, background } = context;
  if (mail === undefined) return;
  background.run(`mail (${kind})`, async () => {
    const account = await store.accounts.findAccountByEmail(email);
    if (account === undefined || account.user.disabledAt !== null) return;
    if (record !== undefined) await store.events.appendEvent(record(account));
    const message = compose(kind, account, { links: mail.links, tokens: mailTokens });
    if (message !== undefined) await mail.mailer.send(message);
  });
}

function compose(
  kind: MailKind,
  account: Account,
  { links, tokens }: { readonly links: MailLinks; readonly tokens: MailTokens },
): Mail | undefined {
  const { email, emailVerified } = account.user;
  switch (kind) {
    case "email-verification":
      if (emailVerified) return undefined;
      return verificationMail(email, links, tokens.issue("email-verification", account));
    case "account-exists":
      return accountExistsMail(email, links, tokens.issue("password-reset", account));
    case "password-reset":
      return passwordResetMail(email, links, tokens.issue("password-reset", account));
    case "password-changed":
      return passwordChangedMail(email);
  }
}
