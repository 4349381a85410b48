/** The scopes a first-party sign-in may ask for, and what it gets when it asks for none. */
export interface ScopePolicy {
  readonly allowed: readonly string[];
  readonly default: readonly string[];
}

/**
 * The scope a sign-in gets, space-delimited and in the policy's order. `undefined` when it asks for something it may not
 * have: nothing is granted silently short (RFC 6749 §3.3 leaves the choice; an API that answers 403 later is worse).
 */
export function grantScope(requested: string | undefined, policy: ScopePolicy): string | undefined {
  const wanted = requested === undefined ? policy.default : requested.split(" ").filter((value) => value !== "");
  if (!wanted.every((value) => policy.allowed.includes(value))) return undefined;
  return policy.allowed.filter((value) => wanted.includes(value)).join(" ");
}
