import type { AccessTokenClaims, ApiTokenClaims } from "@latchkey/protocol";
import { API_TOKEN_PREFIX } from "@latchkey/protocol";

import { permittedScope } from "../domain/scope.ts";
import { isLive } from "../domain/session.ts";
import { hashSecret } from "../tokens/refresh-secret.ts";
import type { FlowContext } from "./context.ts";
import { findHolder } from "./identify.ts";

/** What there is to say of a token (RFC 7662 §2.2). */
export type TokenState =
  | { readonly kind: "access_token"; readonly claims: AccessTokenClaims }
  | { readonly kind: "api_token"; readonly claims: ApiTokenClaims }
  | { readonly kind: "refresh_token"; readonly claims: RefreshTokenState }
  /** Expired, revoked, stale, superseded, or for an API the caller does not speak for. */
  | { readonly kind: "inactive" }
  /** The same to the caller, and none that this authority has issued, as far as can be told. */
  | { readonly kind: "unknown" };

/** Never with its `jti`, which is its secret. */
export interface RefreshTokenState {
  readonly sub: string;
  readonly client_id: string;
  readonly scope: string;
  readonly sid: string;
  readonly iat: number;
  readonly exp: number;
  /** The key it must be used with, if it is bound to one (RFC 9449 §6.2). */
  readonly cnf?: { readonly jkt: string };
}

const INACTIVE: TokenState = { kind: "inactive" };

/**
 * What a token is worth at this moment, by the store and not by what the token says alone.
 *
 * @param request.audiences whose tokens the caller may ask about
 * @param request.takesApiTokens whether API tokens are any to the caller
 */
export async function introspect(
  context: FlowContext,
  request: {
    readonly token: string;
    readonly audiences: ReadonlySet<string>;
    readonly takesApiTokens: boolean;
  },
): Promise<TokenState> {
  if (request.token.startsWith(API_TOKEN_PREFIX)) return introspectApiToken(context, request);
  const verdict = await context.accessTokens.verify(request.token);
  if (verdict.kind === "expired") return INACTIVE;
  if (verdict.kind === "invalid") return introspectRefreshToken(context, request);

  const { claims } = verdict.token;
  // Verifiers may forgive clocks that differ; this is the clock that the time was read from.
  if (claims.exp <= context.clock() || !request.audiences.has(claims.aud)) return INACTIVE;
  const who = await findHolder(context, verdict.token);
  if (who === undefined || (claims.claims_epoch ?? 0) < who.user.claimsEpoch) return INACTIVE;
  return { kind: "access_token", claims };
}

async function introspectApiToken(
  context: FlowContext,
  request: Parameters<typeof introspect>[1],
): Promise<TokenState> {
  const verdict = (await context.apiTokens?.tokens.verify(request.token)) ?? { kind: "invalid" };
  if (verdict.kind !== "valid") return verdict.kind === "expired" ? INACTIVE : { kind: "unknown" };
  const { claims } = verdict;
  const now = context.clock();
  if (!request.takesApiTokens || claims.exp <= now || !request.audiences.has(claims.aud)) return INACTIVE;
  const token = await context.store.apiTokens.findApiToken(claims.jti);
  if (token === undefined || token.revokedAt !== null || token.userId !== claims.sub) return INACTIVE;
  const user = await context.store.accounts.findUser(token.userId);
  return user === undefined || user.disabledAt !== null ? INACTIVE : { kind: "api_token", claims };
}

/** Active is the one that can be exchanged; of those that have been, what a retry may still get is not told. */
async function introspectRefreshToken(
  context: FlowContext,
  request: { readonly token: string; readonly audiences: ReadonlySet<string> },
): Promise<TokenState> {
  const token = await context.refreshTokens.read(request.token);
  if (token === undefined) return { kind: "unknown" };
  const session = await context.store.sessions.findSession(token.sessionId);
  if (session === undefined || !isLive(session, context.clock()) || !request.audiences.has(session.audience)) {
    return INACTIVE;
  }
  const isCurrent = hashSecret(token.secret) === session.secretHash;
  const user = isCurrent ? await context.store.accounts.findUser(session.userId) : undefined;
  if (user === undefined || user.disabledAt !== null) return INACTIVE;
  return {
    kind: "refresh_token",
    claims: {
      sub: user.id,
      client_id: session.clientId,
      scope: permittedScope(session.scope, user.roles, context.policy.scopes),
      sid: session.id,
      iat: session.rotatedAt,
      exp: token.expiresAt,
      ...(session.jkt !== null && { cnf: { jkt: session.jkt } }),
    },
  };
}
