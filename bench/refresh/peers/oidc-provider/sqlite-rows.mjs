import { DatabaseSync } from "node:sqlite";

/** The adapter's rows in a SQLite file. */
export async function openSqliteRows(path) {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS oidc (
      model      TEXT NOT NULL,
      id         TEXT NOT NULL,
      payload    TEXT NOT NULL,
      grant_id   TEXT,
      user_code  TEXT,
      uid        TEXT,
      expires_at INTEGER,
      consumed   INTEGER,
      PRIMARY KEY (model, id)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS oidc_by_grant ON oidc (grant_id);
  `);
  const upsert = database.prepare(`
    INSERT INTO oidc (model, id, payload, grant_id, user_code, uid, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`);
  const find = {
    id: database.prepare("SELECT payload, consumed FROM oidc WHERE model = ? AND id = ?"),
    uid: database.prepare("SELECT payload, consumed FROM oidc WHERE model = ? AND uid = ?"),
    user_code: database.prepare("SELECT payload, consumed FROM oidc WHERE model = ? AND user_code = ?"),
  };
  const consume = database.prepare("UPDATE oidc SET consumed = ? WHERE model = ? AND id = ?");
  const remove = database.prepare("DELETE FROM oidc WHERE model = ? AND id = ?");
  const removeByGrant = database.prepare("DELETE FROM oidc WHERE model = ? AND grant_id = ?");
  return {
    upsert: async (...values) => void upsert.run(...values),
    find: async (column, model, value) => find[column].get(model, value),
    consume: async (at, model, id) => void consume.run(at, model, id),
    remove: async (model, id) => void remove.run(model, id),
    removeByGrant: async (model, grantId) => void removeByGrant.run(model, grantId),
  };
}
