import { describeDevice } from "../domain/device-family.ts";
import type { Mail } from "../ports/mailer.ts";

/** Where links in mails lead: pages of yours, which take the token from the fragment, where no server sees it. */
export interface MailLinks {
  readonly verifyEmail: string;
  readonly resetPassword: string;
  /** Without it addresses cannot be changed. */
  readonly changeEmail?: string | undefined;
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

/** To the new address. */
export function emailChangeMail(to: string, page: string, token: string): Mail {
  return {
    to,
    subject: "Confirm your new e-mail address",
    text: `Somebody, most likely you, wants to use this address for an account.

Confirm that it is yours within an hour:

${link(page, token)}

If it was not you, do nothing: without this link nothing changes.
`,
  };
}

/** In place of the above where the new address has an account of its own. The answer to the request was the same. */
export function addressTakenMail(to: string): Mail {
  return {
    to,
    subject: "You have an account already",
    text: `Somebody, most likely you, wanted to use this address for another account. It has one already.

To use it for the other, delete this one or give it another address first.

If it was not you, do nothing: nothing has changed.
`,
  };
}

/** To the old address, before anything has changed: now its owner can still stop it. */
export function emailChangeAskedMail(to: string): Mail {
  return {
    to,
    subject: "Your e-mail address is about to change",
    text: `Somebody who is signed in to this account and knows its password asked to use another e-mail address for it.
Nothing has changed yet.

If it was not you, change your password at once: that stops it, and signs out everybody else.
`,
  };
}

/** To the old address, afterwards. */
export function emailChangedMail(to: string): Mail {
  return {
    to,
    subject: "Your e-mail address was changed",
    text: `This account has another e-mail address now. Mails for it no longer come here.

If it was not you, write to us at once: you cannot set a new password from this address any more.
`,
  };
}

/** What a mail says of a sign-in. */
export interface DeviceSighting {
  readonly userAgent: string | null;
  /** An ISO 3166 code. */
  readonly place: string | null;
  /** Seconds since 1970. */
  readonly at: number;
}

/** Names from closed lists, a code and a time: nothing in it is in the words of whoever signed in. */
function sighting({ userAgent, place, at }: DeviceSighting): string {
  const time = `${new Date(at * 1_000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const where = place === null ? "" : `\nWhere: ${place} (country code)`;
  return `Device: ${describeDevice(userAgent) ?? "not recognised"}${where}\nWhen: ${time}`;
}

export function newDeviceMail(to: string, seen: DeviceSighting): Mail {
  return {
    to,
    subject: "New sign-in to your account",
    text: `Somebody, most likely you, signed in to this account from a device that is new to us.

${sighting(seen)}

If it was not you, change your password at once: that signs out everybody else.
`,
  };
}

export function deviceChangedMail(to: string, seen: DeviceSighting): Mail {
  return {
    to,
    subject: "Your session is used from another device",
    text: `A session of this account goes on from a device or a place that does not fit.

${sighting(seen)}

If you did not change anything, sign out that session, or change your password: that signs out everybody else.
`,
  };
}
