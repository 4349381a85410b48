import type { DatabaseSync } from "node:sqlite";

import type { UserSessionsRevocation } from "../../ports/session-store.ts";

/** Ends a user's sessions within whatever transaction the caller has begun on this connection; answers which. */
export type RevokeUserSessions = (revocation: UserSessionsRevocation) => readonly string[];

export function prepareRevokeUserSessions(database: DatabaseSync): RevokeUserSessions {
  const update = database.prepare(`
    UPDATE session SET revoked_at = ?, revoked_reason = ?
     WHERE user_id = ? AND id IS NOT ? AND revoked_at IS NULL
    RETURNING id`);
  return ({ userId, exceptSessionId, at, reason }) =>
    update.all(at, reason, userId, exceptSessionId).map((row) => String(row["id"]));
}
