/**
 * Ends a user's sessions as two parts of a statement, `doomed` and `ended`. Whose they are, which one is kept, when and
 * why comes from a query of one row `(user_id, kept_id, at, reason)`, or of none. Rows are locked in the order of their
 * ids, so that two statements that end the same sessions wait for each other and do not deadlock.
 */
export function endUserSessions(order: string): string {
  return `
    doomed AS MATERIALIZED (
      SELECT session.id, ending.at, ending.reason
        FROM latchkey.session, (${order}) AS ending
       WHERE session.user_id = ending.user_id AND session.id IS DISTINCT FROM ending.kept_id
         AND session.revoked_at IS NULL
       ORDER BY session.id
         FOR UPDATE OF session
    ),
    ended AS (
      UPDATE latchkey.session SET revoked_at = doomed.at, revoked_reason = doomed.reason
        FROM doomed WHERE session.id = doomed.id AND session.revoked_at IS NULL
      RETURNING session.id
    )`;
}

/** What the event of such a statement says besides: the sessions it ended. */
export const ENDED_SESSION_IDS =
  "'endedSessionIds', (SELECT coalesce(jsonb_agg(ended.id ORDER BY ended.id), '[]'::jsonb) FROM ended)";
