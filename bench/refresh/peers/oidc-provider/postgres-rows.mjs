import pg from "pg";

/**
 * The adapter's rows in a PostgreSQL database, by prepared statements and a pool of pg's own size. No commit waits for the
 * disk: Latchkey's rotations do not either, and what is compared is the work.
 */
export async function openPostgresRows(connectionString) {
  const pool = new pg.Pool({ connectionString, keepAlive: true, options: "-c synchronous_commit=off" });
  await pool.query(`
    CREATE TABLE IF NOT EXISTS oidc (
      model      text COLLATE "C" NOT NULL,
      id         text COLLATE "C" NOT NULL,
      payload    text NOT NULL,
      grant_id   text COLLATE "C",
      user_code  text,
      uid        text,
      expires_at bigint,
      consumed   bigint,
      PRIMARY KEY (model, id)
    );
    CREATE INDEX IF NOT EXISTS oidc_by_grant ON oidc (grant_id);
  `);
  const run = (name, text) => (values) => pool.query({ name, text, values });
  const upsert = run(
    "upsert",
    `INSERT INTO oidc (model, id, payload, grant_id, user_code, uid, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`,
  );
  const find = {
    id: run("find", "SELECT payload, consumed FROM oidc WHERE model = $1 AND id = $2"),
    uid: run("find-by-uid", "SELECT payload, consumed FROM oidc WHERE model = $1 AND uid = $2"),
    user_code: run("find-by-user-code", "SELECT payload, consumed FROM oidc WHERE model = $1 AND user_code = $2"),
  };
  const consume = run("consume", "UPDATE oidc SET consumed = $1 WHERE model = $2 AND id = $3");
  const remove = run("remove", "DELETE FROM oidc WHERE model = $1 AND id = $2");
  const removeByGrant = run("remove-by-grant", "DELETE FROM oidc WHERE model = $1 AND grant_id = $2");
  return {
    upsert: async (...values) => void (await upsert(values)),
    find: async (column, ...values) => (await find[column](values)).rows[0],
    consume: async (...values) => void (await consume(values)),
    remove: async (...values) => void (await remove(values)),
    removeByGrant: async (...values) => void (await removeByGrant(values)),
  };
}
