import type { Origin } from "../domain/event.ts";
import { AuthError } from "../errors.ts";
import type { FlowContext } from "./context.ts";
import type { SignedIn } from "./identify.ts";

/** Ends one of the user's own sessions. Another user's session is not found, like one that never was. */
export async function endSession(
  context: FlowContext,
  who: SignedIn,
  request: { readonly sessionId: string; readonly origin: Origin },
): Promise<void> {
  const session = await context.store.sessions.findSession(request.sessionId);
  if (session === undefined || session.userId !== who.user.id) throw new AuthError("not_found");
  const at = context.clock();
  const reason = "ended_by_user";
  await context.store.sessions.revokeSession(
    { sessionId: session.id, at, reason },
    { type: "session_revoked", userId: session.userId, sessionId: session.id, reason, at, origin: request.origin },
  );
}
