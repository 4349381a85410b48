import type { AuthEvent, Origin } from "../domain/event.ts";
import type { Session } from "../domain/session.ts";

/** What is recorded of a session that ended because a new one would have been one too many. */
export function endedByLimit(created: Session, origin: Origin, endedId: string): AuthEvent {
  const { userId, createdAt } = created;
  // The id comes last: see below.
  return { type: "session_revoked", userId, reason: "session_limit", at: createdAt, origin, sessionId: endedId };
}

/**
 * The text of that event up to the session's id, for stores that learn the id where no JSON is made: they append it as a
 * JSON string, and a closing brace.
 */
export function endedByLimitPrefix(created: Session, origin: Origin): string {
  return JSON.stringify(endedByLimit(created, origin, "")).slice(0, -'""}'.length);
}
