/** The scopes a first-party sign-in may ask for, and what it gets when it asks for none. */
export interface ScopePolicy {
  readonly allowed: readonly string[];
  readonly default: readonly string[];
  /** The scopes that need a role: only users who have one that lists them may have them. All others are anybody's. */
  readonly byRole: Readonly<Record<string, readonly string[]>>;
}

/**
 * The scope a sign-in gets, space-delimited and in the policy's order. `undefined` when it asks for something it may not
 * have: nothing is granted silently short (RFC 6749 §3.3 leaves the choice; an API that answers 403 later is worse).
 */
export function grantScope(requested: string | undefined, policy: ScopePolicy): string | undefined {
  const wanted = requested === undefined ? policy.default : scopesOf(requested);
  if (!wanted.every((value) => policy.allowed.includes(value))) return undefined;
  return policy.allowed.filter((value) => wanted.includes(value)).join(" ");
}

/** What is left of a scope for a user with these roles. */
export function permittedScope(scope: string, roles: readonly string[], { byRole }: ScopePolicy): string {
  if (Object.keys(byRole).length === 0) return scope;
  const needRole = new Set(Object.values(byRole).flat());
  const ofRoles = new Set(roles.flatMap((role) => (Object.hasOwn(byRole, role) ? (byRole[role] ?? []) : [])));
  return scopesOf(scope)
    .filter((value) => !needRole.has(value) || ofRoles.has(value))
    .join(" ");
}

/** The scopes of a space-delimited text. */
export function scopesOf(scope: string): readonly string[] {
  return scope.split(" ").filter((value) => value !== "");
}
