import type { Mail } from "../ports/mailer.ts";

/** Where links in mails lead: pages of yours, which take the token from the fragment, where no server sees it. */
export interface MailLinks {
  readonly verifyEmail: string;
  readonly resetPassword: string;
}

const link = (page: string, token: string): string => `${page}#token=${token}`;

export function verificationMail(to: string, links: MailLinks, token: string): Mail {
  return {
    to,
    subject: "Confirm your e-mail address",
    text: `Somebody, most likely you, made an account with this address.

Confirm that it is yours within a day:

${link(links.verifyEmail, token)}

If it was not you, do nothing: without this link the address stays unconfirmed.
`,
  };
}

/** In place of the above where there is an account already. The answer to the sign-up was the same. */
export function accountExistsMail(to: string, links: MailLinks, token: string): Mail {
  return {
    to,
    subject: "You have an account already",
    text: `Somebody, most likely you, wanted to make an account with this address. There is one.

If you do not know its password, choose a new one within half an hour:

${link(links.resetPassword, token)}

If it was not you, do nothing: nothing has changed.
`,
  };
}

export function passwordResetMail(to: string, links: MailLinks, token: string): Mail {
  return {
    to,
    subject: "Choose a new password",
    text: `Somebody, most likely you, asked for a new password for this account.

Choose one within half an hour:

${link(links.resetPassword, token)}

All devices will be signed out. If it was not you, do nothing: nothing has changed.
`,
  };
}

export function passwordChangedMail(to: string): Mail {
  return {
    to,
    subject: "Your password was changed",
    text: `The password of this account was changed, and other devices were signed out.

If it was not you, ask for a new password at once, from the page where you sign in.
`,
  };
}
