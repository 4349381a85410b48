/** The audit log, which one node writes from the outbox, and how far its consumers have got. */
export const AUDIT = `
  CREATE TABLE audit_entry (
    number     INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    type       TEXT NOT NULL,
    user_id    TEXT,
    session_id TEXT,
    ip         TEXT,
    content    TEXT NOT NULL,
    hash       TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_entry_by_type ON audit_entry (type);
  CREATE INDEX audit_entry_by_user ON audit_entry (user_id) WHERE user_id IS NOT NULL;
  CREATE INDEX audit_entry_by_session ON audit_entry (session_id) WHERE session_id IS NOT NULL;
  CREATE INDEX audit_entry_by_address ON audit_entry (ip) WHERE ip IS NOT NULL;

  -- One row.
  CREATE TABLE audit_state (
    log_id             TEXT NOT NULL,
    base_number        INTEGER NOT NULL,
    base_hash          TEXT NOT NULL,
    head_number        INTEGER NOT NULL,
    head_hash          TEXT NOT NULL,
    source_sequence    INTEGER NOT NULL,
    source_fingerprint TEXT NOT NULL
  ) STRICT;
  INSERT INTO audit_state SELECT id, 0, id, 0, id, 0, '0' FROM (SELECT lower(hex(randomblob(16))) AS id);
  -- Made one: the random text is another each time it is asked for.
  UPDATE audit_state SET base_hash = log_id, head_hash = log_id;

  CREATE TABLE audit_checkpoint (
    number INTEGER PRIMARY KEY,
    jws    TEXT NOT NULL
  ) STRICT;

  CREATE TABLE consumer (
    name       TEXT PRIMARY KEY,
    position   INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    retry_at   INTEGER NOT NULL,
    holder     TEXT,
    held_until INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;
