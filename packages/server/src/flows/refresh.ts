import type { ImplausibleChange } from "../domain/device-change.ts";
import type { AuthEvent, Origin } from "../domain/event.ts";
import type { NextGeneration } from "../domain/refresh-rule.ts";
import { judgeRefresh } from "../domain/refresh-rule.ts";
import type { Session } from "../domain/session.ts";
import { idleExpiry } from "../domain/session.ts";
import { AuthError } from "../errors.ts";
import type { SessionRotation } from "../ports/session-store.ts";
import { hashSecret } from "../tokens/refresh-secret.ts";
import type { ProofOfPossession } from "../tokens/dpop-proof.ts";
import { agreeTerms, narrowTerms } from "./agree-terms.ts";
import { claimProof } from "./claim-proof.ts";
import type { FlowContext } from "./context.ts";
import { checkDevice, deviceNoted, mailDeviceChange, noteRetry, readDeviceSigns, seenNow } from "./device-signals.ts";
import { endExpiredSession } from "./end-expired-session.ts";
import type { SessionGrant } from "./session-grant.ts";
import { grantSession } from "./session-grant.ts";
import type { Presented } from "./unrotated-refresh.ts";
import { countRefresh, noteRetried, proofReplayed, refused, stolen, superseded } from "./unrotated-refresh.ts";

export interface RefreshRequest {
  readonly refreshToken: string;
  /** Newest first. */
  readonly attemptKeys: readonly string[];
  readonly proof: ProofOfPossession | undefined;
  /** The clients this request may speak for. */
  readonly clientIds: readonly string[];
  readonly origin: Origin;
  /** What the access token is to be for, where that is less than the session's: never more (RFC 6749 §6, RFC 8707 §2.2). */
  readonly narrowed?: { readonly scope: string | undefined; readonly resource: string | undefined };
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
        underivableUntil: context.secretSchemeReplacedUntil(found?.session.createdAt ?? 0),
      },
    );
    if (found === undefined) {
      countRefresh(context, "refused");
      throw new AuthError("session_ended");
    }
    const { session, user } = found;
    const presented: Presented = { token, session, asOf, origin };
    if (verdict.kind === "refuse") throw await refused(context, verdict.cause, presented);
    if (round === 0 && session.jkt !== null && proof !== undefined) {
      await claimProof(context, proof, { subject: session.id, event: proofReplayed(presented) });
    }
    if (verdict.kind === "superseded") throw await superseded(context, presented);
    if (verdict.kind === "reuse") throw await stolen(context, presented);

    if (user === undefined || user.disabledAt !== null) throw new AuthError("session_ended");
    const change = await checkDevice(context, session, { signs, now: asOf, origin });
    // Before anything changes: where a hook fails the client has lost nothing, and asks again.
    const agreed = await agreeTerms(context, { user, session, at: "refresh" });
    if (agreed === undefined) throw new AuthError("session_ended");
    const terms = narrowTerms(agreed, session, request.narrowed);
    if (verdict.kind === "retry") {
      await noteRetried(context, presented);
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
      countRefresh(context, verdict.rolledForward ? "rolled_forward" : "rotated");
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
  if (rolledForward)
    return { type: "refresh_rolled_forward", userId: session.userId, sessionId: session.id, at, origin };
  return policy.auditRefreshes
    ? { type: "refreshed", userId: session.userId, sessionId: session.id, at, origin }
    : undefined;
}
