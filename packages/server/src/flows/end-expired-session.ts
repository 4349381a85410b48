import type { Origin } from "../domain/event.ts";
import type { Session } from "../domain/session.ts";
import { isLive } from "../domain/session.ts";
import type { FlowContext } from "./context.ts";

/**
 * Notes that a session whose time is over has ended, before its holder is told: so that it stays what was said, and no
 * clock that is set back, here or on another node, brings it to life again.
 */
export async function endExpiredSession(context: FlowContext, session: Session, origin: Origin): Promise<void> {
  const at = context.clock();
  if (session.revokedAt !== null || isLive(session, at)) return;
  const reason = "expired";
  await context.store.sessions.revokeSession(
    { sessionId: session.id, at, reason },
    { type: "session_revoked", userId: session.userId, sessionId: session.id, reason, at, origin },
  );
}
