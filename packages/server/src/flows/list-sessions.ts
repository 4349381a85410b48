import type { Session } from "../domain/session.ts";
import type { FlowContext } from "./context.ts";
import type { SignedIn } from "./identify.ts";

/** The user's live sessions, newest first. */
export async function listSessions(context: FlowContext, who: SignedIn): Promise<readonly Session[]> {
  return context.store.sessions.listSessions(who.user.id, context.clock());
}
