import type { AuthEvent, Origin } from "../domain/event.ts";
import type { RefreshVerdict } from "../domain/refresh-rule.ts";
import type { RevocationReason, Session } from "../domain/session.ts";
import { AuthError } from "../errors.ts";
import type { RefreshVerdictName } from "../ports/observer.ts";
import type { FlowContext } from "./context.ts";
import { endExpiredSession } from "./end-expired-session.ts";
import { recordOnce } from "./record-once.ts";

/** A refresh token that moves its session on no further, and the session as it was found. */
export interface Presented {
  readonly token: { readonly generation: number };
  readonly session: Session;
  /** When the session was looked at: seconds since 1970. */
  readonly asOf: number;
  readonly origin: Origin;
}

type RefusalCause = Extract<RefreshVerdict, { readonly kind: "refuse" }>["cause"];

/** What a token leaves behind that is of no use to its holder; answers the refusal, which is the same for every cause. */
export async function refused(context: FlowContext, cause: RefusalCause, presented: Presented): Promise<AuthError> {
  const { session, origin } = presented;
  countRefresh(context, "refused");
  if (cause === "expired") await endExpiredSession(context, session, origin);
  if (cause === "key_revoked") await endFor(context, "key_revoked", presented);
  // A copy that is of no use to its holder ends nothing, and so would go unseen.
  if (cause === "wrong_key") {
    const { id: sessionId, userId } = session;
    context.logger.warn({ sessionId, userId }, "a refresh token was sent with another key than its session's");
  }
  if (cause === "wrong_key" || cause === "wrong_client") {
    await recordOnce(context, sameToken(presented), { type: "refresh_refused", cause, ...about(presented) });
  }
  return new AuthError("session_ended");
}

/** A request that came before, as it was: a copy of it, or its own sender's network that delivered it twice. */
export function proofReplayed(presented: Presented): AuthEvent {
  return { type: "refresh_refused", cause: "replayed_proof", ...about(presented) };
}

/** A late duplicate gets nothing, and harms nobody. */
export async function superseded(context: FlowContext, presented: Presented): Promise<AuthError> {
  countRefresh(context, "superseded");
  await recordOnce(context, sameToken(presented), { type: "refresh_superseded", ...about(presented) });
  return new AuthError("superseded");
}

/** A copy was used: nobody can tell which of the two holders is honest, so the session ends for both. */
export async function stolen(context: FlowContext, presented: Presented): Promise<AuthError> {
  countRefresh(context, "reuse");
  const { id: sessionId, userId } = presented.session;
  const revoked = await endFor(context, "refresh_token_reuse", presented);
  if (revoked) context.logger.warn({ sessionId, userId }, "a copied refresh token was used: session ended");
  return new AuthError("session_ended");
}

/** Answers whether this call did it. */
function endFor(context: FlowContext, reason: RevocationReason, { session, origin }: Presented): Promise<boolean> {
  const { id: sessionId, userId } = session;
  const at = context.clock();
  return context.store.sessions.revokeSession(
    { sessionId, at, reason },
    { type: "session_revoked", userId, sessionId, reason, at, origin },
  );
}

/** The same exchange once more: worth a line in the log only where the token is older than the last. */
export async function noteRetried(context: FlowContext, presented: Presented): Promise<void> {
  countRefresh(context, "retried");
  const behind = presented.session.generation - presented.token.generation;
  const event: AuthEvent = { type: "refresh_retried", behind, ...about(presented) };
  if (context.policy.auditRefreshes) await context.store.events.appendEvent(event);
  else if (behind > 1) await recordOnce(context, sameToken(presented), event);
}

export function countRefresh(context: FlowContext, verdict: RefreshVerdictName): void {
  context.observer?.count({ kind: "refresh", verdict });
}

function about({ session, asOf, origin }: Presented): {
  readonly userId: string;
  readonly sessionId: string;
  readonly at: number;
  readonly origin: Origin;
} {
  return { userId: session.userId, sessionId: session.id, at: asOf, origin };
}

function sameToken({ session, token }: Presented): string {
  return `${session.id} ${token.generation}`;
}
