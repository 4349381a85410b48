import { randomBytes } from "node:crypto";

import type { AuthorizationRequest } from "../domain/authorization-request.ts";
import { CODE_GENERATION, CODE_LIFETIME_SECONDS } from "../domain/code-rule.ts";
import type { Origin } from "../domain/event.ts";
import type { Session } from "../domain/session.ts";
import { isLive } from "../domain/session.ts";
import { AuthError } from "../errors.ts";
import { hashSecret } from "../tokens/refresh-secret.ts";
import { authorizedScope } from "./agree-terms.ts";
import { claimOnce } from "./claim-once.ts";
import type { FlowContext } from "./context.ts";
import type { SignedIn } from "./identify.ts";

/** A request for which a page has asked the user, and what came of it. */
export interface AskedAuthorization {
  readonly request: AuthorizationRequest;
  /** When it reached the authority, in seconds since 1970. */
  readonly requestedAt: number;
  /** The text that stands for it, which counts once. */
  readonly handle: string;
  readonly expiresAt: number;
}

/**
 * How long ago a user may have signed in who allows a client in by a bearer token, in seconds: the client's session outlives that
 * token by weeks, and APIs, logs and backups see such tokens.
 */
const BEARER_MAX_AGE_SECONDS = 900;

/** What an authorization code says: which session waits for it, and what its redeemer must know. */
export interface AuthorizationCode {
  readonly sessionId: string;
  /** The session's row has its hash: the code of a row that is gone, or another's, is none. */
  readonly secret: string;
  readonly redirectUri: string;
  readonly codeChallenge: string;
  readonly nonce?: string | undefined;
}

/**
 * The user lets a client in: its session begins, and waits a minute for its code. It is the user's own from now on, listed
 * and ended like any other, so that whatever ends sessions ends codes. Where it is one too many, another ends than the one that
 * lets it in. `undefined` where the user may not have it.
 *
 * @throws AuthError `insufficient_user_authentication` where the user must sign in anew, `invalid_token` where what they are
 *   signed in with has ended meanwhile, `invalid_request` for a request that was allowed before
 */
export async function allowAuthorization(
  context: FlowContext,
  who: SignedIn,
  {
    asked,
    byBearerToken,
    origin,
  }: {
    readonly asked: AskedAuthorization;
    /** Whether who allows it is told by a token that anybody can send on who has seen it. */
    readonly byBearerToken: boolean;
    readonly origin: Origin;
  },
): Promise<AuthorizationCode | undefined> {
  const { request } = asked;
  const now = context.clock();
  requireFreshSignIn(who.session, asked, now);
  if (byBearerToken) requireAge(who.session, BEARER_MAX_AGE_SECONDS, now);

  const secret = randomBytes(32).toString("base64url");
  const wanted: Session = {
    id: await context.sessionIds.create(),
    userId: who.user.id,
    clientId: request.clientId,
    audience: request.audience,
    scope: request.scope,
    createdAt: now,
    authTime: who.session.authTime,
    amr: who.session.amr,
    acr: who.session.acr,
    persistent: true,
    device: origin.userAgent,
    ip: origin.ip,
    place: (await context.deviceSignals.locate?.(origin.ip)) ?? null,
    generation: CODE_GENERATION,
    secretHash: hashSecret(secret),
    attempts: [],
    attemptKeysUsed: false,
    jkt: request.jkt ?? null,
    rotatedAt: now,
    idleExpiresAt: now + CODE_LIFETIME_SECONDS,
    expiresAt: now + context.policy.limits.maxSeconds,
    revokedAt: null,
  };
  const scope = await authorizedScope(context, { user: who.user, session: wanted, at: "sign-in" });
  await claimAuthorization(context, asked);
  // Without any scope it would be good wherever none is asked for.
  if (scope === undefined || (scope === "" && request.scope !== "")) return undefined;
  const session = { ...wanted, scope };
  const { id: sessionId, userId, clientId } = session;
  await context.store.sessions.createSession(
    session,
    { type: "client_authorized", userId, sessionId, clientId, at: now, origin },
    context.policy.maxSessionsPerUser,
    who.session.id,
  );
  await confirmSession(context, who, session, origin);
  const { redirectUri, codeChallenge, nonce } = request;
  return { sessionId, secret, redirectUri, codeChallenge, nonce };
}

/** Lets a request count, once on all nodes together: asked last, when nothing is left that could refuse it. */
async function claimAuthorization(context: FlowContext, asked: AskedAuthorization): Promise<void> {
  const { handle: text, expiresAt } = asked;
  if (await claimOnce(context, "authorization-request", { text, expiresAt })) return;
  throw new AuthError("invalid_request", { description: "This request has been allowed. Begin anew." });
}

/** OpenID Connect Core §3.1.2.1: `prompt=login` is answered by a sign-in that came after it, `max_age` by a recent one. */
function requireFreshSignIn(session: Session, { request, requestedAt }: AskedAuthorization, now: number): void {
  const { isFreshSignInNeeded, maxAgeSeconds } = request;
  if (isFreshSignInNeeded && session.authTime < requestedAt) {
    throw new AuthError("insufficient_user_authentication", { maxAgeSeconds: 0 });
  }
  if (maxAgeSeconds !== undefined) requireAge(session, maxAgeSeconds, now);
}

function requireAge({ authTime }: Session, maxAgeSeconds: number, now: number): void {
  if (now - authTime > maxAgeSeconds) throw new AuthError("insufficient_user_authentication", { maxAgeSeconds });
}

/**
 * Looks again, now that the client's session is there, whether the one that allowed it still counts. Whatever ends all of a
 * user's sessions ends those it finds: one that came before the new row is seen here, one that comes after ends the row
 * itself. Nothing has been handed out yet.
 */
async function confirmSession(context: FlowContext, who: SignedIn, session: Session, origin: Origin): Promise<void> {
  const end = async (): Promise<void> => {
    const at = context.clock();
    const { id: sessionId, userId } = session;
    const reason = "signed_out";
    await context.store.sessions.revokeSession(
      { sessionId, at, reason },
      { type: "session_revoked", userId, sessionId, reason, at, origin },
    );
  };
  const found = await context.store.findSessionWithUser(who.session.id).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  const isStillGood = found !== undefined && isLive(found.session, context.clock());
  if (isStillGood && found.user !== undefined && found.user.disabledAt === null) return;
  await end();
  throw new AuthError("invalid_token");
}
