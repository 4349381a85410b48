import type { ImplausibleChange } from "../domain/device-change.ts";
import type { AuthEvent, Origin } from "../domain/event.ts";
import type { NextGeneration } from "../domain/refresh-rule.ts";
import { judgeRefresh } from "../domain/refresh-rule.ts";
import type { Session } from "../domain/session.ts";
import { idleExpiry } from "../domain/session.ts";
import { AuthError } from "../errors.ts";
import type { SessionRotation } from "../ports/session-store.ts";
import type { RefreshVerdictName } from "../ports/observer.ts";
import { hashSecret } from "../tokens/refresh-secret.ts";
import type { ProofOfPossession } from "../tokens/dpop-proof.ts";
import { agreeTerms } from "./agree-terms.ts";
import { claimProof } from "./claim-proof.ts";
import type { FlowContext } from "./context.ts";
import { checkDevice, deviceNoted, mailDeviceChange, noteRetry, readDeviceSigns, seenNow } from "./device-signals.ts";
import { endExpiredSession } from "./end-expired-session.ts";
import type { SessionGrant } from "./session-grant.ts";
import { grantSession } from "./session-grant.ts";
import { recordOnce } from "./record-once.ts";

export interface RefreshRequest {
  readonly refreshToken: string;
  /** Newest first. */
  readonly attemptKeys: readonly string[];
  readonly proof: ProofOfPossession | undefined;
  /** The clients this request may speak for. */
  readonly clientIds: readonly string[];
  readonly origin: Origin;
}

/** Only parallel rotations of one session make a round lose; each of them moves the session on. */
const MAX_ROUNDS = 64;

/**
 * Exchanges a refresh token for its successor. The rule says what should happen, one store verb makes it happen or finds
 * that the session has moved on, and then the rule is asked again.
 */
export async function refresh(context: FlowContext, request: RefreshRequest): Promise<SessionGrant> {
  const token = await context.refreshTokens.read(request.refreshToken);
  if (token === undefined) {
    await endSessionOfExpired(context, request);
    throw new AuthError("session_ended");
  }
  const { proof, origin } = request;
  // Whatever the session's state: a proof that got lost, as a header does in a proxy, must not end it for the client.
  if (token.jkt !== null && proof === undefined) throw new AuthError("invalid_dpop_proof");

  const signs = await readDeviceSigns(context, origin);
  const count = (verdict: RefreshVerdictName): void => context.observer?.count({ kind: "refresh", verdict });
  for (let round = 0; round < MAX_ROUNDS; round++) {
    // The clock is read before the row: no access token outlives a revocation it did not see by more than its own life.
    const asOf = context.clock();
    const found = await context.store.findSessionWithUser(token.sessionId);
    const verdict = judgeRefresh(
      found?.session,
      {
        ...token,
        attemptKeys: request.attemptKeys,
        clientIds: request.clientIds,
        provenJkt: proof?.jkt ?? null,
      },
      {
        scheme: context.secretSchemeAt(found?.session.createdAt ?? 0),
        now: asOf,
        retryWindowSeconds: context.policy.retryWindowSeconds,
      },
    );
    if (verdict.kind === "refuse") count("refused");
    if (found === undefined) throw new AuthError("session_ended");
    const { session, user } = found;
    if (verdict.kind === "refuse") {
      if (verdict.cause === "expired") await endExpiredSession(context, session, request.origin);
      // A copy that is of no use to its holder ends nothing, and so would go unseen.
      if (verdict.cause === "wrong_key") {
        const { id: sessionId, userId } = session;
        context.logger.warn({ sessionId, userId }, "a refresh token was sent with another key than its session's");
      }
      if (verdict.cause === "wrong_key" || verdict.cause === "wrong_client") {
        await recordOnce(context, sameToken(token), {
          type: "refresh_refused",
          cause: verdict.cause,
          ...about(session, asOf, origin),
        });
      }
      throw new AuthError("session_ended");
    }
    if (round === 0 && session.jkt !== null && proof !== undefined) await claimProof(context, proof);
    if (verdict.kind === "superseded") {
      count("superseded");
      await recordOnce(context, sameToken(token), { type: "refresh_superseded", ...about(session, asOf, origin) });
      throw new AuthError("superseded");
    }
    if (verdict.kind === "reuse") {
      count("reuse");
      await endStolenSession(context, session, origin);
      throw new AuthError("session_ended");
    }

    if (user === undefined || user.disabledAt !== null) throw new AuthError("session_ended");
    const change = await checkDevice(context, session, { signs, now: asOf, origin });
    // Before anything changes: where a hook fails the client has lost nothing, and asks again.
    const terms = await agreeTerms(context, { user, session, at: "refresh" });
    if (terms === undefined) throw new AuthError("session_ended");
    if (verdict.kind === "retry") {
      count("retried");
      const behind = session.generation - token.generation;
      const event = { type: "refresh_retried", behind, ...about(session, asOf, origin) } as const;
      if (context.policy.auditRefreshes) await context.store.events.appendEvent(event);
      else if (behind > 1) await recordOnce(context, sameToken(token), event);
      if (change !== undefined) await noteRetry(context, session, change, origin);
      if (change !== undefined && signs !== undefined) mailDeviceChange(context, user, session, signs);
      return grantSession(context, { user, session, secret: verdict.secret, terms, asOf });
    }

    const next = nextGeneration(context, session, verdict.next);
    // Made first, and handed out only where the session moves on: if it cannot be signed, nothing has happened.
    const grant = await grantSession(context, {
      user,
      session: { ...session, ...next },
      secret: verdict.next.secret,
      terms,
      asOf,
    });
    const rotation = {
      sessionId: session.id,
      expected: { generation: session.generation, secretHash: session.secretHash },
      next,
      seen: seenNow(session, signs),
    };
    const event = eventOf(context, session, { ...verdict, change }, { at: next.rotatedAt, origin });
    if (await context.store.sessions.rotateSession(rotation, event)) {
      if (change !== undefined && signs !== undefined) mailDeviceChange(context, user, session, signs);
      count(verdict.rolledForward ? "rolled_forward" : "rotated");
      return grant;
    }
  }
  throw new AuthError("unavailable", { retryAfterSeconds: 1 });
}

async function endSessionOfExpired(context: FlowContext, { refreshToken, origin }: RefreshRequest): Promise<void> {
  const token = context.refreshTokens.readExpired(refreshToken);
  const session = token && (await context.store.sessions.findSession(token.sessionId));
  if (session !== undefined) await endExpiredSession(context, session, origin);
}

function nextGeneration(
  context: FlowContext,
  session: Session,
  { secret, ...generation }: NextGeneration,
): SessionRotation["next"] {
  const rotatedAt = context.clock();
  const idleExpiresAt = idleExpiry(rotatedAt, session.expiresAt, context.policy.limits);
  return { ...generation, secretHash: hashSecret(secret), rotatedAt, idleExpiresAt };
}

/**
 * What a rotation leaves in the log: by default nothing, mostly, for what is recorded waits for the disk and adds a row.
 * What looks like a thief outweighs what a crash forgot.
 */
function eventOf(
  { policy }: FlowContext,
  session: Session,
  { change, rolledForward }: { readonly change: ImplausibleChange | undefined; readonly rolledForward: boolean },
  { at, origin }: { readonly at: number; readonly origin: Origin },
): AuthEvent | undefined {
  if (change !== undefined) return deviceNoted(session, change, at, origin);
  if (rolledForward) return { type: "refresh_rolled_forward", ...about(session, at, origin) };
  return policy.auditRefreshes ? { type: "refreshed", ...about(session, at, origin) } : undefined;
}

/** A copy was used: nobody can tell which of the two holders is honest, so the session ends for both. */
async function endStolenSession(context: FlowContext, session: Session, origin: Origin): Promise<void> {
  const at = context.clock();
  const reason = "refresh_token_reuse";
  const revoked = await context.store.sessions.revokeSession(
    { sessionId: session.id, at, reason },
    { type: "session_revoked", userId: session.userId, sessionId: session.id, reason, at, origin },
  );
  if (revoked) {
    context.logger.warn(
      { sessionId: session.id, userId: session.userId },
      "a copied refresh token was used: session ended",
    );
  }
}

function about(session: Session, at: number, origin: Origin) {
  return { userId: session.userId, sessionId: session.id, at, origin };
}

function sameToken({ sessionId, generation }: { readonly sessionId: string; readonly generation: number }): string {
  return `${sessionId} ${generation}`;
}
