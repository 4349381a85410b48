import type { Origin } from "../domain/event.ts";
import type { FlowContext } from "./context.ts";
import type { SignedIn } from "./identify.ts";

/** Ends every session of the user, this one too. */
export async function signOutEverywhere(context: FlowContext, who: SignedIn, origin: Origin): Promise<void> {
  const at = context.clock();
  const reason = "signed_out_everywhere";
  await context.store.sessions.revokeUserSessions(
    { userId: who.user.id, exceptSessionId: null, at, reason },
    { type: "user_sessions_revoked", userId: who.user.id, keptSessionId: null, reason, at, origin },
  );
}
