import { hash } from "node:crypto";

import type { VerificationKey } from "@latchkey/jwt";
import { createJwtVerifier, JwtError, signJwt, verificationKeyOf } from "@latchkey/jwt";

import type { KeyRing } from "../keys/key-ring.ts";
import type { Account } from "../ports/account-store.ts";
import type { Clock } from "../ports/clock.ts";

/** What a token in a mailed link is for. Each kind has a type of its own, and is no token of the other. */
export type MailTokenPurpose = "password-reset" | "email-verification" | "email-change";

/** The account that a token was made for, as it was then. */
export interface MailTokenSubject {
  readonly userId: string;
  /** What the account must still be: the token is worth nothing once it is used, or was overtaken. */
  readonly state: string;
}

/**
 * Tokens for links in mails. Nothing is kept of them: each is bound to the very thing that its use changes, the password
 * hash or the address, so that it can be used once, and not after that was changed in another way.
 */
export interface MailTokens {
  issue(purpose: Exclude<MailTokenPurpose, "email-change">, account: Account): string;
  parse(purpose: MailTokenPurpose, token: string): MailTokenSubject | undefined;
  /** For a link to the address that the account is to have; the token names it, and goes there alone. */
  issueEmailChange(account: Account, email: string): string;
  parseEmailChange(token: string): EmailChangeSubject | undefined;
}

export interface EmailChangeSubject extends MailTokenSubject {
  /** The new address, normalised. */
  readonly email: string;
}

/** Seconds. ASVS 6.5.5: short, for what replaces a password. */
const LIFETIMES: Readonly<Record<MailTokenPurpose, number>> = {
  "password-reset": 1_800,
  "email-verification": 86_400,
  "email-change": 3_600,
};

export function createMailTokens(options: {
  readonly issuer: string;
  readonly refreshKeys: KeyRing["refreshKeys"];
  readonly clock: Clock;
}): MailTokens {
  const { issuer, refreshKeys, clock } = options;
  const findKey = (kid: string | undefined): VerificationKey | undefined => {
    const key = kid === undefined ? undefined : refreshKeys.find(kid);
    return key === undefined ? undefined : verificationKeyOf(key.mailKey);
  };
  const verifierOf = (purpose: MailTokenPurpose) =>
    createJwtVerifier({
      typ: typeOf(purpose),
      issuer,
      audience: issuer,
      requiredClaims: ["sub", "state"],
      clock,
      keys: ({ kid }) => findKey(kid),
    });
  const verifiers = {
    "password-reset": verifierOf("password-reset"),
    "email-verification": verifierOf("email-verification"),
    "email-change": verifierOf("email-change"),
  };
  const issue = (purpose: MailTokenPurpose, account: Account, more: { readonly email?: string } = {}): string => {
    const iat = clock();
    const exp = iat + LIFETIMES[purpose];
    const state = stateOf(purpose, account);
    const claims = { iss: issuer, aud: issuer, sub: account.user.id, iat, exp, state, ...more };
    return signJwt(claims, refreshKeys.at(iat).mailKey, { typ: typeOf(purpose) });
  };
  const read = (purpose: MailTokenPurpose, token: string): Partial<EmailChangeSubject> => {
    try {
      const { sub, state, email } = verifiers[purpose](token).claims;
      return {
        ...(typeof sub === "string" && { userId: sub }),
        ...(typeof state === "string" && { state }),
        ...(typeof email === "string" && { email }),
      };
    } catch (error) {
      if (error instanceof JwtError) return {};
      throw error;
    }
  };

  return {
    issue: (purpose, account) => issue(purpose, account),
    parse(purpose, token) {
      const { userId, state } = read(purpose, token);
      return userId === undefined || state === undefined ? undefined : { userId, state };
    },

    issueEmailChange: (account, email) => issue("email-change", account, { email }),
    parseEmailChange(token) {
      const { userId, state, email } = read("email-change", token);
      return userId === undefined || state === undefined || email === undefined ? undefined : { userId, state, email };
    },
  };
}

/** What the token is bound to, as a fingerprint: of whatever its use changes, or must find as it was. */
export function stateOf(purpose: MailTokenPurpose, account: Account): string {
  return hash("sha256", boundTo(purpose, account), "base64url").slice(0, 22);
}

function boundTo(purpose: MailTokenPurpose, { user, passwordHash }: Account): string {
  switch (purpose) {
    case "password-reset":
    case "email-change":
      // The address, too: a link that was mailed to one the account no longer has must not give it away.
      return `${passwordHash}\n${user.email}`;
    case "email-verification":
      return `${user.email}\n${user.emailVerified}`;
  }
}

function typeOf(purpose: MailTokenPurpose): string {
  return `${purpose}+jwt`;
}
