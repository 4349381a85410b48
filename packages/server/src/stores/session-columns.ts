/** In the order that the stores in SQL read them in, by number. */
export const SESSION_COLUMNS = `
  session.id, session.user_id, session.client_id, session.audience, session.scope, session.created_at, session.auth_time,
  session.amr, session.acr, session.persistent, session.device, session.ip, session.jkt, session.expires_at,
  session.generation, session.secret_hash, session.attempts, session.attempt_keys_used, session.rotated_at,
  session.idle_expires_at, session.revoked_at, session.place`;

export const SESSION_COLUMN_COUNT = 22;
