import { type Refusal, VerifierError } from "./errors.ts";
import { isVerifiedAccessToken, type VerifiedAccessToken } from "./verified-access-token.ts";

/** What a route demands of a token beyond being valid. Says what is missing, or `undefined`. */
export type Requirement = (token: VerifiedAccessToken) => Refusal | undefined;

/** @throws VerifierError `invalid_options` for no scope at all, or something that is none (RFC 6749 §3.3) */
export function scopeRequirement(scopes: readonly string[]): Requirement {
  if (scopes.length === 0) throw new VerifierError("invalid_options", "requireScope: name at least one scope.");
  const wrong = scopes.find(
    (scope) => typeof scope !== "string" || !/^[\u0021\u0023-\u005B\u005D-\u007E]+$/.test(scope),
  );
  if (wrong !== undefined) {
    throw new VerifierError(
      "invalid_options",
      `requireScope: ${JSON.stringify(wrong)} is no scope; give several as several arguments.`,
    );
  }
  const refusal: Refusal = { code: "insufficient_scope", reason: "missing_scope", scope: scopes.join(" ") };
  return (token) => (scopes.every((scope) => token.scopes.includes(scope)) ? undefined : refusal);
}

/** @throws VerifierError `invalid_options` for no role at all, or an empty one */
export function roleRequirement(roles: readonly string[]): Requirement {
  if (roles.length === 0 || roles.some((role) => typeof role !== "string" || role === "")) {
    throw new VerifierError("invalid_options", "requireRole: name at least one role.");
  }
  const refusal: Refusal = { code: "insufficient_scope", reason: "missing_role" };
  return (token) => (roles.every((role) => token.roles.includes(role)) ? undefined : refusal);
}

/**
 * Holds what a guard left behind against a requirement. Anything but a token this process has verified is a mistake in
 * the program, and an error, never a pass.
 *
 * @throws VerifierError `not_guarded`
 */
export function findShortfall(auth: unknown, requirement: Requirement): Refusal | undefined {
  if (isVerifiedAccessToken(auth)) {
    const shortfall = requirement(auth);
    return shortfall !== undefined && Object.hasOwn(auth.claims, "cnf") ? { ...shortfall, scheme: "DPoP" } : shortfall;
  }
  throw new VerifierError(
    "not_guarded",
    "requireScope and requireRole need guard(verifier) before them on the same route: nobody has verified a token here.",
  );
}
