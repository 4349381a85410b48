/** The audit log, which one node writes from the outbox, and how far its consumers have got. */
export const AUDIT = `
  CREATE TABLE latchkey.audit_entry (
    number     bigint PRIMARY KEY,
    at         bigint NOT NULL,
    type       text NOT NULL,
    user_id    text COLLATE "C",
    session_id text COLLATE "C",
    ip         text COLLATE "C",
    content    text NOT NULL,
    hash       text COLLATE "C" NOT NULL
  );
  CREATE INDEX audit_entry_by_time ON latchkey.audit_entry (at);
  CREATE INDEX audit_entry_by_type ON latchkey.audit_entry (type, number);
  CREATE INDEX audit_entry_by_user ON latchkey.audit_entry (user_id, number) WHERE user_id IS NOT NULL;
  CREATE INDEX audit_entry_by_session ON latchkey.audit_entry (session_id, number) WHERE session_id IS NOT NULL;
  CREATE INDEX audit_entry_by_address ON latchkey.audit_entry (ip, number) WHERE ip IS NOT NULL;

  -- One row.
  CREATE TABLE latchkey.audit_state (
    log_id             text COLLATE "C" NOT NULL,
    base_number        bigint NOT NULL,
    base_hash          text COLLATE "C" NOT NULL,
    head_number        bigint NOT NULL,
    head_hash          text COLLATE "C" NOT NULL,
    source_sequence    bigint NOT NULL,
    source_fingerprint text COLLATE "C" NOT NULL
  ) WITH (fillfactor = 10);
  INSERT INTO latchkey.audit_state
  SELECT id, 0, id, 0, id, 0, '0' FROM (SELECT replace(gen_random_uuid()::text, '-', '') AS id) AS made;

  CREATE TABLE latchkey.audit_checkpoint (
    number bigint PRIMARY KEY,
    jws    text NOT NULL
  );

  CREATE TABLE latchkey.consumer (
    name       text COLLATE "C" PRIMARY KEY,
    position   bigint NOT NULL,
    failures   bigint NOT NULL,
    retry_at   bigint NOT NULL,
    holder     text COLLATE "C",
    held_until bigint NOT NULL
  ) WITH (fillfactor = 10);

  -- What anybody can bring about in numbers must not notify: transactions that do commit one after the other.
  DROP TRIGGER event_notification ON latchkey.event;
  CREATE TRIGGER event_notification AFTER INSERT ON latchkey.event FOR EACH ROW
    WHEN (NEW.type NOT IN (
      'user_signed_up', 'sign_up_refused', 'user_imported', 'password_screening_skipped', 'signed_in', 'sign_in_failed', 'reauthentication_failed', 'password_reset_requested',
      'refreshed', 'refresh_retried', 'refresh_superseded', 'refresh_refused', 'refresh_rolled_forward',
      'audit_purged', 'audit_source_changed'
    ))
    EXECUTE FUNCTION latchkey.notify_of_event();
`;
