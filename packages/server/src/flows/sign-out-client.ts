import type { Origin } from "../domain/event.ts";
import type { IdTokenHint } from "../tokens/id-token.ts";
import type { FlowContext } from "./context.ts";

/** Ends the session that an ID token is of, with its tokens: the client's own, and no other of the user's. */
export async function signOutClient(context: FlowContext, hint: IdTokenHint, origin: Origin): Promise<void> {
  const { sessionId, userId, clientId } = hint;
  const session = await context.store.sessions.findSession(sessionId);
  if (session === undefined || session.userId !== userId || session.clientId !== clientId) return;
  const at = context.clock();
  const reason = "signed_out";
  await context.store.sessions.revokeSession(
    { sessionId, at, reason },
    { type: "session_revoked", userId, sessionId, reason, at, origin },
  );
}
