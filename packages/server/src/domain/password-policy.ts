import { COMMON_PASSWORDS } from "./common-passwords.ts";

/** NIST SP 800-63B-4 §3.1.1.2: at least 15 characters where the password is the only factor. */
export const MIN_PASSWORD_LENGTH = 15;

/** Long enough for any passphrase, short enough that nobody feeds the hash megabytes. */
export const MAX_PASSWORD_LENGTH = 1024;

/** What a password must have besides words that anybody would try first for this owner and this service. */
const MIN_LENGTH_BESIDE_CONTEXT = 8;

/** Shorter words are in too many others. */
const MIN_CONTEXT_WORD_LENGTH = 3;

/** What a password may not be built from. */
export interface PasswordContext {
  readonly email: string;
  readonly name: string | null;
  /** What the service is called. */
  readonly serviceNames: readonly string[];
}

/** The form a password is measured and hashed in, so that it is the same from every keyboard (NIST: Unicode NFC). */
export function normalizePassword(password: string): string {
  return password.normalize("NFC");
}

/** What is wrong with a new password, for people; empty when nothing is. Characters are Unicode code points. */
export function passwordObjections(password: string, context: PasswordContext): readonly string[] {
  const normalized = normalizePassword(password);
  const length = lengthOf(normalized);
  const objections: string[] = [];
  if (length < MIN_PASSWORD_LENGTH) objections.push(`Use at least ${MIN_PASSWORD_LENGTH} characters.`);
  if (length > MAX_PASSWORD_LENGTH) {
    objections.push(`Use at most ${MAX_PASSWORD_LENGTH} characters.`);
    return objections;
  }
  if (/^(.{1,5}?)\1+$/su.test(normalized)) objections.push("Do not repeat the same few characters.");
  else if (isRun(normalized)) objections.push("Do not use characters in the order of the alphabet.");
  else if (isCommon(normalized)) objections.push("This is a common password, which is tried first. Choose another.");
  if (isBuiltFrom(contextWords(context), normalized)) {
    objections.push("Do not build it from your name, your e-mail address or the name of this service.");
  }
  return objections;
}

let common: ReadonlySet<string> | undefined;

/** The whole password, not a part of it (NIST SP 800-63B-4 §3.1.1.2). */
function isCommon(normalized: string): boolean {
  common ??= new Set(COMMON_PASSWORDS.split("\n"));
  return common.has(normalized.toLowerCase());
}

/** Each character follows the one before, or precedes it. */
function isRun(normalized: string): boolean {
  const codes = Array.from(normalized, (character) => character.codePointAt(0) ?? 0);
  const [first = 0, second = 0] = codes;
  const step = second - first;
  return Math.abs(step) === 1 && codes.every((code, index) => code === first + index * step);
}

function contextWords({ email, name, serviceNames }: PasswordContext): readonly string[] {
  const words = [email, name ?? "", ...serviceNames, "password"]
    .flatMap((text) =>
      normalizePassword(text)
        .toLowerCase()
        .split(/[^\p{L}\p{M}\p{N}]+/u),
    )
    .filter((word) => lengthOf(word) >= MIN_CONTEXT_WORD_LENGTH);
  return words.toSorted((one, other) => other.length - one.length);
}

/** Whether little is left of it once these words are taken out. */
function isBuiltFrom(words: readonly string[], normalized: string): boolean {
  let rest = normalized.toLowerCase();
  const whole = rest.length;
  for (const word of words) rest = rest.replaceAll(word, "");
  return rest.length < whole && lengthOf(rest) < MIN_LENGTH_BESIDE_CONTEXT;
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
