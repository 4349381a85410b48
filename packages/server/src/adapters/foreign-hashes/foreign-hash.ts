import type { Derivations } from "../derivations/derivations.ts";
import { parseBcrypt } from "./bcrypt.ts";
import { parseFirebaseScrypt } from "./firebase-scrypt.ts";
import { parsePbkdf2 } from "./pbkdf2.ts";
import { parseScrypt } from "./scrypt.ts";

/** A password hash of a kind that Latchkey does not make, but can check: accounts come with theirs from elsewhere. */
export interface ForeignHash {
  verify(password: string, derivations: Derivations): Promise<boolean>;
}

/** `undefined` for what is no hash of the kind, and for one that would cost more to check than anybody has a reason to. */
export type ParseForeignHash = (text: string) => ForeignHash | undefined;

/** Longer than any of the kinds gets. */
const MAX_LENGTH = 1_024;

const KINDS: readonly ParseForeignHash[] = [parseBcrypt, parseScrypt, parsePbkdf2, parseFirebaseScrypt];

/** Costs nothing: what a stranger's hash would cost is known before it is computed. */
export const parseForeignHash: ParseForeignHash = (text) => {
  if (text.length > MAX_LENGTH) return undefined;
  for (const parse of KINDS) {
    const found = parse(text);
    if (found !== undefined) return found;
  }
  return undefined;
};
