import type { DatabaseSync } from "node:sqlite";

import type { UserSessionsRevocation } from "../../ports/session-store.ts";

/** Ends a user's sessions within whatever transaction the caller has begun on this connection; answers how many. */
export type RevokeUserSessions = (revocation: UserSessionsRevocation) => number;

export function prepareRevokeUserSessions(database: DatabaseSync): RevokeUserSessions {
  const update = database.prepare(`
    UPDATE session SET revoked_at = ?, revoked_reason = ?
     WHERE user_id = ? AND id IS NOT ? AND revoked_at IS NULL`);
  return ({ userId, exceptSessionId, at, reason }) => Number(update.run(at, reason, userId, exceptSessionId).changes);
}
