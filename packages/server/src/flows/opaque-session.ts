import { timingSafeEqual } from "node:crypto";

import type { Origin } from "../domain/event.ts";
import type { RevocationReason, Session } from "../domain/session.ts";
import { idleExpiry, isLive } from "../domain/session.ts";
import { AuthError } from "../errors.ts";
import { hashSecret } from "../tokens/refresh-secret.ts";
import type { SessionCookie } from "../tokens/session-cookie.ts";
import { authorizedScope } from "./agree-terms.ts";
import type { FlowContext } from "./context.ts";
import { endExpiredSession } from "./end-expired-session.ts";
import type { SignedIn } from "./identify.ts";

/*
 * Sessions by an opaque cookie, looked up at every request: for a server that renders its pages and needs no tokens. They are
 * rows like all others, never rotate, and end as soon as they are revoked.
 */

/** The idle limit is put off in steps of this share of it, so that few requests write. */
const IDLE_STEP = 1 / 20;
/** Each round lost, another request has put the limit off, or the session has ended. */
const MAX_ROUNDS = 4;

/**
 * What the row holds of an opaque session's secret. No refresh token's secret hashes to the same: whoever has one of those
 * cannot pass it off as a session cookie, which would see no rotation, nor the other way round.
 */
export function hashOpaqueSecret(secret: string): string {
  return hashSecret(`opaque session\n${secret}`);
}

/** Whose session this cookie holds, which goes on for another idle limit. @throws AuthError `session_ended` */
export async function resumeOpaqueSession(
  context: FlowContext,
  cookie: SessionCookie,
  origin: Origin,
): Promise<SignedIn> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const found = await context.store.findSessionWithUser(cookie.sessionId);
    if (found === undefined || !isHeldBy(found.session, cookie)) throw new AuthError("session_ended");
    const { session, user } = found;
    await endExpiredSession(context, session, origin);
    if (!isLive(session, context.clock()) || user === undefined || user.disabledAt !== null) {
      throw new AuthError("session_ended");
    }
    if (!context.policy.clientIds.includes(session.clientId)) throw new AuthError("session_ended");
    const scope = await authorizedScope(context, { user, session, at: "refresh" });
    if (scope === undefined) throw new AuthError("session_ended");
    const resumed = await putOffIdleLimit(context, session);
    if (resumed !== undefined) return { user, session: { ...resumed, scope } };
  }
  throw new AuthError("unavailable", { retryAfterSeconds: 1 });
}

/** Ends the session that this cookie holds, if it holds one. */
export async function endOpaqueSession(
  context: FlowContext,
  cookie: SessionCookie,
  { reason, origin }: { readonly reason: RevocationReason; readonly origin: Origin },
): Promise<void> {
  const session = await context.store.sessions.findSession(cookie.sessionId);
  if (session === undefined || !isHeldBy(session, cookie)) return;
  const at = context.clock();
  await context.store.sessions.revokeSession(
    { sessionId: session.id, at, reason },
    { type: "session_revoked", userId: session.userId, sessionId: session.id, reason, at, origin },
  );
}

/** Whether the cookie holds the session's secret. */
export function isHeldBy(session: Session, { secret }: SessionCookie): boolean {
  const held = Buffer.from(session.secretHash);
  const presented = Buffer.from(hashOpaqueSecret(secret));
  return held.length === presented.length && timingSafeEqual(held, presented);
}

/** `undefined` where the row has changed meanwhile. */
async function putOffIdleLimit(context: FlowContext, session: Session): Promise<Session | undefined> {
  const { limits } = context.policy;
  const now = context.clock();
  const idleExpiresAt = idleExpiry(now, session.expiresAt, limits);
  if (idleExpiresAt - session.idleExpiresAt < Math.max(1, limits.idleSeconds * IDLE_STEP)) return session;
  const { id, generation, secretHash, attempts, attemptKeysUsed } = session;
  const next = { generation, secretHash, attempts, attemptKeysUsed, rotatedAt: now, idleExpiresAt };
  const isChanged = await context.store.sessions.rotateSession({
    sessionId: id,
    expected: { generation, secretHash },
    next,
  });
  return isChanged ? { ...session, ...next } : undefined;
}
