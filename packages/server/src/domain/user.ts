/** A person with an account. Times are whole seconds since 1970. */
export interface User {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly emailVerified: boolean;
  readonly roles: readonly string[];
  /** How often the user's rights have changed: access tokens of an earlier epoch carry old ones. */
  readonly claimsEpoch: number;
  readonly createdAt: number;
  readonly disabledAt: number | null;
}

/**
 * The form an e-mail address is compared in: Unicode NFC, lower case. Local parts are case-sensitive by RFC 5321, but no
 * provider treats them so, and two accounts that differ in case alone are an invitation to impersonation.
 */
export function normalizeEmail(email: string): string {
  return email.normalize("NFC").toLowerCase();
}
