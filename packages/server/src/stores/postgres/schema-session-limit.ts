/**
 * Ends a user's live sessions past the first `left` of the list (newest first, and by id where they are of one second), for
 * the statement that then begins one more. Volatile, so that each statement inside sees what was committed before it began:
 * once the lock is had, that is every session begun by those who had it before, and it is held until the new one is
 * committed. Only who begins a session of the same user waits for it. Rows are locked in the order of their ids, as all do
 * who end several.
 */
export const SESSION_LIMIT = `
  CREATE FUNCTION latchkey.end_oldest_sessions(of_user text, now bigint, remaining bigint, event_prefix text)
  RETURNS bigint LANGUAGE plpgsql VOLATILE AS $body$
  DECLARE
    doomed text;
    ended bigint := 0;
  BEGIN
    IF remaining IS NULL THEN RETURN 0; END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(of_user, 'latchkey.session'::regclass::oid::bigint));
    FOR doomed IN
      SELECT id FROM latchkey.session
       WHERE id IN (
           SELECT id FROM latchkey.session
            WHERE user_id = of_user AND revoked_at IS NULL AND idle_expires_at > now AND expires_at > now
            ORDER BY created_at DESC, id OFFSET remaining
         ) AND revoked_at IS NULL
       ORDER BY id
         FOR UPDATE
    LOOP
      UPDATE latchkey.session SET revoked_at = now, revoked_reason = 'session_limit' WHERE id = doomed;
      INSERT INTO latchkey.event (at, type, user_id, session_id, detail)
        VALUES (now, 'session_revoked', of_user, doomed, event_prefix || to_json(doomed)::text || '}');
      ended := ended + 1;
    END LOOP;
    RETURN ended;
  END
  $body$;
`;

/** The same, but that one session is the last to go. The other one is left for nodes that know no better yet. */
export const SESSION_LIMIT_LAST_TO_GO = `
  CREATE FUNCTION latchkey.end_oldest_sessions(of_user text, now bigint, remaining bigint, event_prefix text, last_to_go text)
  RETURNS bigint LANGUAGE plpgsql VOLATILE AS $body$
  DECLARE
    doomed text;
    ended bigint := 0;
  BEGIN
    IF remaining IS NULL THEN RETURN 0; END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(of_user, 'latchkey.session'::regclass::oid::bigint));
    FOR doomed IN
      SELECT id FROM latchkey.session
       WHERE id IN (
           SELECT id FROM latchkey.session
            WHERE user_id = of_user AND revoked_at IS NULL AND idle_expires_at > now AND expires_at > now
            ORDER BY id IS NOT DISTINCT FROM last_to_go DESC, created_at DESC, id OFFSET remaining
         ) AND revoked_at IS NULL
       ORDER BY id
         FOR UPDATE
    LOOP
      UPDATE latchkey.session SET revoked_at = now, revoked_reason = 'session_limit' WHERE id = doomed;
      INSERT INTO latchkey.event (at, type, user_id, session_id, detail)
        VALUES (now, 'session_revoked', of_user, doomed, event_prefix || to_json(doomed)::text || '}');
      ended := ended + 1;
    END LOOP;
    RETURN ended;
  END
  $body$;
`;
