import type { JwtClaims } from "@latchkey/jwt";

import type { Refusal } from "./errors.ts";

/** The thumbprint of the key that a token is bound to (RFC 9449 §6.1); undefined where it is bound to none, or otherwise. */
export function boundKeyOf({ cnf }: JwtClaims): string | undefined {
  if (typeof cnf !== "object" || cnf === null || Object.keys(cnf).join() !== "jkt" || !("jkt" in cnf)) return undefined;
  return typeof cnf.jkt === "string" && cnf.jkt !== "" ? cnf.jkt : undefined;
}

/**
 * Why a token does not go with the scheme it came by. A bound token is no bearer token, whatever it is bound to (RFC 9449
 * §7.2, RFC 7800): a thief must not use it as it is. And a proof is for a token bound to a key, and to nothing else.
 */
export function findSchemeFault(scheme: "Bearer" | "DPoP", claims: JwtClaims): Refusal | undefined {
  const isBound = Object.hasOwn(claims, "cnf");
  if (scheme === "Bearer" ? !isBound : boundKeyOf(claims) !== undefined) return undefined;
  const needsProof = scheme === "Bearer" && boundKeyOf(claims) !== undefined;
  const reason = isBound ? "bound_token" : "unbound_token";
  return { code: "invalid_token", reason, claim: "cnf", scheme: "DPoP", ...(needsProof && { needsProof }) };
}
