import { hash } from "node:crypto";

import type { VerificationKey } from "@latchkey/jwt";
import { createJwtVerifier, JwtError, signJwt, verificationKeyOf } from "@latchkey/jwt";

import type { KeyRing } from "../keys/key-ring.ts";
import type { Account } from "../ports/account-store.ts";
import type { Clock } from "../ports/clock.ts";

/** What a token in a mailed link is for. Each kind has a type of its own, and is no token of the other. */
export type MailTokenPurpose = "password-reset" | "email-verification";

/** The account that a token was made for, as it was then. */
export interface MailTokenSubject {
  readonly userId: string;
  /** What the account must still be: the token is worth nothing once it is used, or was overtaken. */
  readonly state: string;
}

/**
 * Tokens for links in mails. Nothing is kept of them: each is bound to the very thing that its use changes, the password
 * hash or the unverified address, so that it can be used once, and not after that was changed in another way.
 */
export interface MailTokens {
  issue(purpose: MailTokenPurpose, account: Account): string;
  parse(purpose: MailTokenPurpose, token: string): MailTokenSubject | undefined;
}

/** Seconds. ASVS 6.5.5: short, for what replaces a password. */
const LIFETIMES: Readonly<Record<MailTokenPurpose, number>> = {
  "password-reset": 1_800,
  "email-verification": 86_400,
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
  };

  return {
    issue(purpose, account) {
      const iat = clock();
      const exp = iat + LIFETIMES[purpose];
      const claims = { iss: issuer, aud: issuer, sub: account.user.id, iat, exp, state: stateOf(purpose, account) };
      return signJwt(claims, refreshKeys.at(iat).mailKey, { typ: typeOf(purpose) });
    },

    parse(purpose, token) {
      try {
        const { sub, state } = verifiers[purpose](token).claims;
        return typeof sub === "string" && typeof state === "string" ? { userId: sub, state } : undefined;
      } catch (error) {
        if (error instanceof JwtError) return undefined;
        throw error;
      }
    },
  };
}

/** What the token is bound to, as a fingerprint: of the password's hash, or of an address that is not verified. */
export function stateOf(purpose: MailTokenPurpose, { user, passwordHash }: Account): string {
  const state = purpose === "password-reset" ? passwordHash : `${user.email}\n${user.emailVerified}`;
  return hash("sha256", state, "base64url").slice(0, 22);
}

function typeOf(purpose: MailTokenPurpose): string {
  return `${purpose}+jwt`;
}
