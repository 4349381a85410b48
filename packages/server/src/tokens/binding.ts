import type { JwtClaims } from "@latchkey/jwt";

/**
 * The thumbprint of the key that a token is bound to (`cnf.jkt`, RFC 9449 §6.1); null for one that is not bound.
 * `undefined` for one that is bound in a way that is not known here, and so must not be taken (RFC 7800 §3.1).
 */
export function readBinding(claims: JwtClaims): string | null | undefined {
  if (!Object.hasOwn(claims, "cnf")) return null;
  const { cnf } = claims;
  if (typeof cnf !== "object" || cnf === null || Object.keys(cnf).join() !== "jkt" || !("jkt" in cnf)) return undefined;
  return typeof cnf.jkt === "string" && cnf.jkt !== "" ? cnf.jkt : undefined;
}
