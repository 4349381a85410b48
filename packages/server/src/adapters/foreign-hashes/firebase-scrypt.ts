import { createCipheriv } from "node:crypto";

import { decodeBase64 } from "./base64.ts";
import { equalBytes } from "./equal-bytes.ts";
import type { ParseForeignHash } from "./foreign-hash.ts";
import { isBearableScrypt } from "./scrypt-costs.ts";

const KEY_BYTES = 32;

/**
 * Firebase Authentication's own scrypt, in the form that Supabase gave it:
 * `$fbscrypt$v=1,n=14,r=8,p=1,ss=<salt separator>,sk=<signer key>$<salt>$<hash>`. The key that scrypt derives encrypts the
 * project's signer key, and that is the hash.
 */
export const parseFirebaseScrypt: ParseForeignHash = (text) => {
  const match =
    /^\$fbscrypt\$v=1,n=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})(?:,ss=([^$,]*))?,sk=([^$,]+)\$([^$]+)\$([^$]+)$/.exec(text);
  if (match === null) return undefined;
  const [, n, r, p, separatorText = "", signerKeyText = "", saltText = "", hashText = ""] = match;
  const costs = { N: 2 ** Number(n), r: Number(r), p: Number(p) };
  const [signerKey, salt, expected] = [decodeBase64(signerKeyText), decodeBase64(saltText), decodeBase64(hashText)];
  const separator = separatorText === "" ? new Uint8Array() : decodeBase64(separatorText);
  if (signerKey === undefined || salt === undefined || expected === undefined || separator === undefined) {
    return undefined;
  }
  if (expected.length < 16 || !isBearableScrypt(costs)) return undefined;
  return {
    async verify(password, derivations) {
      const salted = Buffer.concat([salt, separator]);
      const key = await derivations.scrypt({ password, salt: salted, ...costs, keyBytes: KEY_BYTES });
      const cipher = createCipheriv("aes-256-ctr", key, new Uint8Array(16));
      return equalBytes(Buffer.concat([cipher.update(signerKey), cipher.final()]), expected);
    },
  };
};
