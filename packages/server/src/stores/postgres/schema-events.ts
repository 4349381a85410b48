/**
 * The outbox, numbered so that a reader that goes on from the last number it saw misses nothing.
 *
 * A sequence alone does not give that: numbers are drawn before transactions commit, and commits overtake each other, so
 * a reader could see 8, go on from there, and never see 7. Drawing them one transaction at a time would, at the price of
 * one commit's flush after the other for all nodes together. Here writers do not wait for each other. Before it draws a
 * number, a transaction takes a shared advisory lock, until it ends, that names the last number drawn so far: its own will
 * be higher. A reader learns the newest number first, then which locks are held, and only then, with a new snapshot, looks
 * at the events: up to the lowest number named by a lock, and not past the newest. Whoever drew a number up to there has
 * committed and is seen, or has failed and never will be.
 *
 * Events of one row are in the order of its changes, since the number is drawn when the row is locked already.
 */
export const EVENTS = `
  CREATE TABLE latchkey.event (
    sequence   bigint PRIMARY KEY,
    at         bigint NOT NULL,
    type       text NOT NULL,
    user_id    text COLLATE "C",
    session_id text COLLATE "C",
    detail     text NOT NULL
  );
  CREATE INDEX event_by_user ON latchkey.event (user_id, sequence);
  CREATE SEQUENCE latchkey.event_sequence AS bigint CACHE 1 OWNED BY latchkey.event.sequence;

  -- Locks have two 32-bit names: the table's, and the number's last 31 bits.
  CREATE FUNCTION latchkey.next_event_sequence() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $body$
  BEGIN
    PERFORM pg_advisory_xact_lock_shared(
      'latchkey.event'::regclass::oid::integer,
      (coalesce(pg_sequence_last_value('latchkey.event_sequence'::regclass), 0) % 2147483648)::integer
    );
    RETURN nextval('latchkey.event_sequence');
  END
  $body$;
  ALTER TABLE latchkey.event ALTER COLUMN sequence SET DEFAULT latchkey.next_event_sequence();

  -- Volatile, so that each statement inside sees what was committed before it began, not before the function did.
  CREATE FUNCTION latchkey.list_events(after bigint, at_most bigint) RETURNS TABLE (number bigint, content text)
  LANGUAGE plpgsql VOLATILE AS $body$
  DECLARE
    newest bigint := coalesce(pg_sequence_last_value('latchkey.event_sequence'::regclass), 0);
    settled bigint;
  BEGIN
    IF newest <= after THEN RETURN; END IF;
    -- How far behind the newest number each lock began; those more than 2^30 behind began after it was read.
    SELECT newest - coalesce(max(behind), 0) INTO settled
      FROM (
        SELECT (newest % 2147483648 - objid::bigint + 2147483648) % 2147483648 AS behind
          FROM pg_locks
         WHERE locktype = 'advisory' AND objsubid = 2 AND classid = 'latchkey.event'::regclass::oid
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      ) AS writing
     WHERE behind < 1073741824;
    RETURN QUERY
      SELECT sequence, detail FROM latchkey.event
       WHERE sequence > after AND sequence <= settled
       ORDER BY sequence LIMIT at_most;
  END
  $body$;
`;

/**
 * Tells nodes that wait that there is something to read, for the kinds of events that must not wait for the next look.
 * Not for all: transactions that notify commit one after the other, which a flood of sign-ins must not.
 */
export const EVENT_NOTIFICATIONS = `
  CREATE FUNCTION latchkey.notify_of_event() RETURNS trigger LANGUAGE plpgsql AS $body$
  BEGIN
    PERFORM pg_notify('latchkey_event', '');
    RETURN NULL;
  END
  $body$;
  CREATE TRIGGER event_notification AFTER INSERT ON latchkey.event FOR EACH ROW
    WHEN (NEW.type NOT IN ('user_signed_up', 'signed_in', 'sign_in_failed', 'refresh_rolled_forward'))
    EXECUTE FUNCTION latchkey.notify_of_event();
`;
