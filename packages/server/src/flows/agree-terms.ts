import { permittedScope, scopesOf } from "../domain/scope.ts";
import type { Session } from "../domain/session.ts";
import type { User } from "../domain/user.ts";
import { AuthError } from "../errors.ts";
import type { AuthorizationRequest, CustomClaims, SessionFacts } from "../ports/hooks.ts";
import { askHook } from "./ask-hook.ts";
import type { FlowContext } from "./context.ts";

/** What a session's tokens may say at this moment. */
export interface SessionTerms {
  /** The session's scope, or less: what the user's roles and the operator's hook leave of it. */
  readonly scope: string;
  readonly claims: CustomClaims;
}

/**
 * Asks whether the user may have this session now, and what its tokens are to say. To be asked before anything changes, so
 * that a hook that fails costs nobody a session or a refresh token. `undefined` where the user may not.
 *
 * @throws AuthError `unavailable`
 */
export async function agreeTerms(
  context: FlowContext,
  request: { readonly user: User; readonly session: Session; readonly at: AuthorizationRequest["at"] },
): Promise<SessionTerms | undefined> {
  const scope = await authorizedScope(context, request);
  if (scope === undefined) return undefined;
  const { claims, timeoutSeconds } = context.hooks;
  if (claims === undefined) return { scope, claims: {} };
  const { user } = request;
  const session = { ...request.session, scope };
  const asked = await askHook({ name: "hooks.claims", timeoutSeconds }, async () =>
    context.accessTokens.parseCustomClaims(await claims(user, factsOf(session)), session.audience),
  );
  return { scope, claims: asked };
}

/**
 * The same for an access token that is to be for less; what comes after may be for all of the session again.
 *
 * @throws AuthError `invalid_scope`, `invalid_target` where more is asked for than the session has
 */
export function narrowTerms(
  terms: SessionTerms,
  session: Session,
  narrowed: { readonly scope: string | undefined; readonly resource: string | undefined } | undefined,
): SessionTerms {
  if (narrowed?.resource !== undefined && narrowed.resource !== session.audience) throw new AuthError("invalid_target");
  if (narrowed?.scope === undefined) return terms;
  const asked = scopesOf(narrowed.scope);
  const held = scopesOf(session.scope);
  if (!asked.every((scope) => held.includes(scope))) throw new AuthError("invalid_scope");
  const scope = scopesOf(terms.scope)
    .filter((value) => asked.includes(value))
    .join(" ");
  return { ...terms, scope };
}

/** The scope that the user may have in this session now; `undefined` where they may not have the session. */
export async function authorizedScope(
  context: FlowContext,
  { user, session, at }: { readonly user: User; readonly session: Session; readonly at: AuthorizationRequest["at"] },
): Promise<string | undefined> {
  const scope = permittedScope(session.scope, user.roles, context.policy.scopes);
  const { authorize, timeoutSeconds } = context.hooks;
  if (authorize === undefined) return scope;
  const facts = factsOf({ ...session, scope });
  const answer: unknown = await askHook({ name: "hooks.authorize", timeoutSeconds }, () =>
    authorize({ user, session: facts, at }),
  );
  if (answer === true) return scope;
  if (answer === false) return undefined;
  const scopes = scopesAnswered(answer);
  const granted = scopesOf(scope);
  if (scopes === undefined || !scopes.every((value) => granted.includes(value))) {
    const cause = new TypeError("hooks.authorize must answer true, false, or { scopes } of those it was asked about.");
    throw new AuthError("unavailable", {}, { cause });
  }
  return granted.filter((value) => scopes.includes(value)).join(" ");
}

/** Whatever is neither yes nor no must be a list of scopes: a hook that forgets to answer lets nobody in. */
function scopesAnswered(answer: unknown): readonly string[] | undefined {
  if (typeof answer !== "object" || answer === null || !("scopes" in answer)) return undefined;
  const { scopes } = answer;
  return Array.isArray(scopes) && scopes.every((value) => typeof value === "string") ? scopes : undefined;
}

function factsOf(session: Session): SessionFacts {
  const { id, clientId, audience, scope, createdAt, authTime, amr, acr, jkt } = session;
  return { id, clientId, audience, scope, createdAt, authTime, amr, acr, isBound: jkt !== null };
}
