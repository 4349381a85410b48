import type { ApiToken } from "../domain/api-token.ts";
import type { Origin } from "../domain/event.ts";
import { grantScope, scopesOf } from "../domain/scope.ts";
import { isLive } from "../domain/session.ts";
import { AuthError } from "../errors.ts";
import { authorizedScope } from "./agree-terms.ts";
import { requireApiTokens } from "./api-tokens.ts";
import type { FlowContext } from "./context.ts";
import { endApiToken } from "./end-api-token.ts";
import type { SignedIn } from "./identify.ts";

export interface ApiTokenRequest {
  readonly name: string;
  /** Space-delimited. */
  readonly scope: string;
  /** Default: the session's, which is the only one where `byAccessToken`. */
  readonly audience: string | undefined;
  /** Whether who asks is told by an access token: every API that it is sent to can ask with it as well. */
  readonly byAccessToken: boolean;
  readonly lifetimeSeconds: number | undefined;
  /** The thumbprint of the key it is to be bound to, if any. */
  readonly jkt: string | undefined;
  readonly origin: Origin;
}

/**
 * Makes a token for a program of the user's, which holds no more than this session may, and for one API alone. It outlives
 * the session, so who asks must have signed in lately: a stolen access token or a screen left unlocked is not enough.
 *
 * @throws AuthError `insufficient_user_authentication`, `invalid_request`, `rate_limited`
 */
export async function makeApiToken(
  context: FlowContext,
  who: SignedIn,
  request: ApiTokenRequest,
): Promise<{ readonly apiToken: ApiToken; readonly token: string }> {
  const { policy, tokens } = requireApiTokens(context);
  const { session } = who;
  const now = context.clock();
  const { recentAuthenticationSeconds: maxAgeSeconds } = policy;
  if (now - session.authTime > maxAgeSeconds)
    throw new AuthError("insufficient_user_authentication", { maxAgeSeconds });

  const { lifetimeSeconds = policy.defaultLifetimeSeconds } = request;
  if (lifetimeSeconds > policy.maxLifetimeSeconds) {
    throw refused(`expires_in: must be at most ${policy.maxLifetimeSeconds} seconds.`);
  }
  const audience = request.audience ?? session.audience;
  if (!policy.audiences.includes(audience)) throw refused("audience: there are no API tokens for this API.");
  if (request.byAccessToken && audience !== session.audience) {
    throw refused("audience: must be the API that the access token is for. Sign in for the other one.");
  }
  // What the session may do now, and not when it began, at the API that the token is for.
  const wanted = { ...session, audience };
  const held = scopesOf((await authorizedScope(context, { user: who.user, session: wanted, at: "refresh" })) ?? "");
  const allowed = context.policy.scopes.allowed.filter((value) => held.includes(value));
  const scope = grantScope(request.scope, { allowed, default: [], byRole: {} });
  if (scope === undefined || scope === "") throw refused("scope: must be some of what this session has.");
  // One that is revoked is told of until it would have expired: whoever makes and revokes them fills the feed for a year.
  await context.attemptLimits.beforeApiToken(who.user.id, 2 * policy.maxPerUser);

  const apiToken: ApiToken = {
    id: await context.sessionIds.create(),
    userId: who.user.id,
    clientId: session.clientId,
    name: request.name,
    audience,
    scope,
    jkt: request.jkt ?? null,
    createdAt: now,
    expiresAt: now + lifetimeSeconds,
    lastUsedAt: null,
    revokedAt: null,
  };
  // Signed first: what cannot be handed out is not written down.
  const token = await tokens.issue(apiToken);
  await write(context, who, apiToken, request.origin);
  if (context.ownUsers !== undefined) await confirmSession(context, who, apiToken, request.origin);
  return { apiToken, token };
}

/**
 * Looks again, now that the token is there: no account was locked while it was made that ends its tokens. Who is disabled
 * has their sessions ended first, and then the tokens there are.
 */
async function confirmSession(context: FlowContext, who: SignedIn, apiToken: ApiToken, origin: Origin): Promise<void> {
  const session = await context.store.sessions.findSession(who.session.id);
  if (session !== undefined && isLive(session, context.clock())) return;
  const { id: tokenId, userId } = apiToken;
  await endApiToken(context, { tokenId, userId, reason: "revoked_by_operator", origin });
  throw new AuthError("invalid_token");
}

/**
 * The password's hash is read before the session is looked at once more, and must be the same still in the step that writes: a
 * new password before that ended this session, and one after it ends this token.
 */
async function write(context: FlowContext, who: SignedIn, apiToken: ApiToken, origin: Origin): Promise<void> {
  const { accounts, apiTokens, sessions } = context.store;
  const { maxPerUser } = requireApiTokens(context).policy;
  const account = await accounts.findAccount(who.user.id);
  const session = await sessions.findSession(who.session.id);
  if (account === undefined || session === undefined || !isLive(session, apiToken.createdAt)) {
    throw new AuthError("invalid_token");
  }
  const { id, userId, createdAt, expiresAt } = apiToken;
  const verdict = await apiTokens.createApiToken(
    { token: apiToken, expectedHash: account.passwordHash, maxPerUser },
    { type: "api_token_created", userId, tokenId: id, expiresAt, at: createdAt, origin },
  );
  if (verdict === "too many") throw refused(`There may be ${maxPerUser} API tokens at once. Revoke one first.`);
  if (verdict === "refused") throw new AuthError("invalid_token");
}

function refused(description: string): AuthError {
  return new AuthError("invalid_request", { description });
}
