import { hash } from "node:crypto";

import type { ParseForeignHash } from "./foreign-hash.ts";

/** Each step doubles the time; 14 takes about a second. */
const MAX_COST = 14;

/**
 * bcrypt, alone (`$2b$12$…`; `2a` and `2y` are the same) or in Django's two forms (`bcrypt$…`, and `bcrypt_sha256$…`, which
 * hashes the password's SHA-256). bcrypt itself reads the first 72 bytes of a password and no more. `2x` marks the hashes of
 * an implementation that was wrong.
 */
export const parseBcrypt: ParseForeignHash = (text) => {
  const match = /^(?<django>bcrypt(?:_sha256)?\$)?(?<bcrypt>\$2[aby]\$(?<cost>\d\d)\$[./A-Za-z0-9]{53})$/.exec(text);
  const { django, bcrypt = "", cost } = match?.groups ?? {};
  if (match === null || Number(cost) < 4 || Number(cost) > MAX_COST) return undefined;
  return {
    verify: (password, derivations) =>
      derivations.bcrypt({
        password: django === "bcrypt_sha256$" ? hash("sha256", password, "hex") : password,
        hash: bcrypt,
      }),
  };
};
