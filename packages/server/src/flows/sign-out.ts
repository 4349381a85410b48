import type { Origin } from "../domain/event.ts";
import type { FlowContext } from "./context.ts";

/** Ends the session of a refresh token, whichever generation it is of. Whatever the token, the caller learns nothing. */
export async function signOut(
  context: FlowContext,
  request: { readonly refreshToken: string; readonly origin: Origin },
): Promise<void> {
  const token = await context.refreshTokens.read(request.refreshToken);
  if (token === undefined) return;
  const session = await context.store.sessions.findSession(token.sessionId);
  if (session === undefined) return;
  const at = context.clock();
  await context.store.sessions.revokeSession(
    { sessionId: session.id, at, reason: "signed_out" },
    {
      type: "session_revoked",
      userId: session.userId,
      sessionId: session.id,
      reason: "signed_out",
      at,
      origin: request.origin,
    },
  );
}
