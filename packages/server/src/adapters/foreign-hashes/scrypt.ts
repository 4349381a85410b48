import { decodeBase64, decodeHex } from "./base64.ts";
import { equalBytes } from "./equal-bytes.ts";
import type { ForeignHash, ParseForeignHash } from "./foreign-hash.ts";
import type { ScryptCosts } from "./scrypt-costs.ts";
import { isBearableScrypt } from "./scrypt-costs.ts";

/** scrypt, as a PHC string (`$scrypt$ln=17,r=8,p=1$…`), and as Django and Werkzeug write it, whose salts are text. */
export const parseScrypt: ParseForeignHash = (text) => {
  const phc = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,4}),p=(\d{1,4})\$([^$]+)\$([^$]+)$/.exec(text);
  if (phc !== null) {
    const [, ln, r, p, salt = "", key = ""] = phc;
    return scryptHash({ N: 2 ** Number(ln), r: Number(r), p: Number(p) }, decodeBase64(salt), decodeBase64(key));
  }
  const django = /^scrypt\$(\d{1,8})\$([^$]+)\$(\d{1,4})\$(\d{1,4})\$([^$]+)$/.exec(text);
  if (django !== null) {
    const [, N, salt = "", r, p, key = ""] = django;
    return scryptHash({ N: Number(N), r: Number(r), p: Number(p) }, Buffer.from(salt), decodeBase64(key));
  }
  const werkzeug = /^scrypt:(\d{1,8}):(\d{1,4}):(\d{1,4})\$([^$]+)\$([^$]+)$/.exec(text);
  if (werkzeug !== null) {
    const [, N, r, p, salt = "", key = ""] = werkzeug;
    return scryptHash({ N: Number(N), r: Number(r), p: Number(p) }, Buffer.from(salt), decodeHex(key));
  }
  return undefined;
};

function scryptHash(
  costs: ScryptCosts,
  salt: Uint8Array | undefined,
  key: Uint8Array | undefined,
): ForeignHash | undefined {
  if (salt === undefined || key === undefined || key.length < 16 || !isBearableScrypt(costs)) return undefined;
  return {
    verify: async (password, derivations) =>
      equalBytes(await derivations.scrypt({ password, salt, ...costs, keyBytes: key.length }), key),
  };
}
