import { hash } from "node:crypto";
import type { Jwk } from "./jwk.ts";
import { JwtError } from "./jwt-error.ts";

/** The required members of each key type, in lexicographic order (RFC 7638 §3.2, RFC 8037 §2). */
const requiredMembers: ReadonlyMap<string, readonly string[]> = new Map([
  ["EC", ["crv", "kty", "x", "y"]],
  ["OKP", ["crv", "kty", "x"]],
  ["RSA", ["e", "kty", "n"]],
  ["oct", ["k", "kty"]],
]);

/**
 * The SHA-256 thumbprint of a JWK in base64url (RFC 7638): the same for a private key and its public half, whatever other
 * members there are. A thumbprint of a secret (`oct`) is as secret as a hash of it: do not publish it.
 *
 * @throws JwtError `invalid_key`
 */
export function jwkThumbprint(jwk: Jwk): string {
  const names = requiredMembers.get(jwk.kty);
  if (names === undefined)
    throw new JwtError("invalid_key", "Unknown kty: the members of a thumbprint follow from it.");
  const members = names.map((name) => {
    const value = jwk[name];
    if (typeof value !== "string") throw new JwtError("invalid_key", `The JWK lacks the member "${name}".`);
    return [name, value] as const;
  });
  return hash("sha256", JSON.stringify(Object.fromEntries(members)), "base64url");
}
