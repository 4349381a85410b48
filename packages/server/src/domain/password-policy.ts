/** NIST SP 800-63B-4 §3.1.1.2: at least 15 characters where the password is the only factor. */
export const MIN_PASSWORD_LENGTH = 15;

/** Long enough for any passphrase, short enough that nobody feeds the hash megabytes. */
export const MAX_PASSWORD_LENGTH = 1024;

/** The form a password is measured and hashed in, so that it is the same from every keyboard (NIST: Unicode NFC). */
export function normalizePassword(password: string): string {
  return password.normalize("NFC");
}

/** What is wrong with a new password, for people; empty when nothing is. Characters are Unicode code points. */
export function passwordObjections(password: string, owner: { readonly email: string }): readonly string[] {
  const normalized = normalizePassword(password);
  const length = Array.from(normalized).length;
  const objections: string[] = [];
  if (length < MIN_PASSWORD_LENGTH) objections.push(`Use at least ${MIN_PASSWORD_LENGTH} characters.`);
  if (length > MAX_PASSWORD_LENGTH) objections.push(`Use at most ${MAX_PASSWORD_LENGTH} characters.`);
  if (normalized.toLowerCase() === owner.email.toLowerCase()) objections.push("Do not use your e-mail address.");
  if (/^(.)\1*$/u.test(normalized)) objections.push("Do not repeat a single character.");
  return objections;
}
