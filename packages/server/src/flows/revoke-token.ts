import { API_TOKEN_PREFIX } from "@latchkey/protocol";

import type { Origin } from "../domain/event.ts";
import { AuthError } from "../errors.ts";
import type { VerifiedAccessToken } from "../tokens/access-token.ts";
import type { FlowContext } from "./context.ts";
import { endApiToken } from "./end-api-token.ts";
import { findHolder } from "./identify.ts";

export interface TokenRevocation {
  readonly token: string;
  /** The client that asks. */
  readonly clientId: string;
  readonly origin: Origin;
}

/**
 * Ends what a token gives (RFC 7009 §2.1), for the client it was issued to. Who holds a refresh token holds the session, so
 * its session ends, with all access tokens; whichever generation it is of, as by a sign-out. Who holds an access token may
 * be an API it was sent to: that token ends, alone. Whoever holds an API token ends it, as who finds a leaked one should. What is unknown, or has ended, is what the caller wants it to be.
 *
 * @throws AuthError `invalid_grant` where it was issued to another client
 */
export async function revokeToken(context: FlowContext, request: TokenRevocation): Promise<void> {
  if (request.token.startsWith(API_TOKEN_PREFIX)) return revokeApiToken(context, request);
  const verdict = await context.accessTokens.verify(request.token);
  if (verdict.kind === "valid") await revokeAccessToken(context, verdict.token, request);
  else if (verdict.kind === "invalid") await revokeRefreshToken(context, request);
}

async function revokeApiToken(context: FlowContext, request: TokenRevocation): Promise<void> {
  const verdict = await context.apiTokens?.tokens.verify(request.token);
  if (verdict?.kind !== "valid") return;
  const { client_id: clientId, sub: userId, jti: tokenId } = verdict.claims;
  requireSameClient(clientId, request);
  await endApiToken(context, { tokenId, userId, reason: "revoked_by_client", origin: request.origin });
}

async function revokeRefreshToken(context: FlowContext, request: TokenRevocation): Promise<void> {
  const token = await context.refreshTokens.read(request.token);
  const session = token === undefined ? undefined : await context.store.sessions.findSession(token.sessionId);
  if (session === undefined) return;
  requireSameClient(session.clientId, request);
  const at = context.clock();
  const reason = "revoked_by_client";
  await context.store.sessions.revokeSession(
    { sessionId: session.id, at, reason },
    { type: "session_revoked", userId: session.userId, sessionId: session.id, reason, at, origin: request.origin },
  );
}

async function revokeAccessToken(
  context: FlowContext,
  token: VerifiedAccessToken,
  request: TokenRevocation,
): Promise<void> {
  const { claims } = token;
  requireSameClient(claims.client_id, request);
  // One that is dead already is not told of again: nobody fills the outbox with one token.
  if ((await findHolder(context, token)) === undefined) return;
  await context.store.events.appendEvent({
    type: "token_revoked",
    userId: token.userId,
    sessionId: token.sessionId,
    tokenId: claims.jti,
    at: context.clock(),
    origin: request.origin,
  });
}

function requireSameClient(clientId: string, request: TokenRevocation): void {
  if (clientId !== request.clientId) throw new AuthError("invalid_grant");
}
