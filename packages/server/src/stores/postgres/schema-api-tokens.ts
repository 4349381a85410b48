/**
 * What is known of API tokens. The function ends a user's live ones and answers which. It is called by a statement that has
 * changed the user's account, and so holds its row, which whoever makes a token locks first. Volatile, so that the update
 * inside sees the token of whoever had the row before; a part of the calling statement would see what was there when that
 * began, and miss it.
 */
export const API_TOKENS = `
  CREATE TABLE latchkey.api_token (
    created_at   bigint NOT NULL,
    expires_at   bigint NOT NULL,
    last_used_at bigint,
    revoked_at   bigint,
    id           text COLLATE "C" PRIMARY KEY,
    user_id      text COLLATE "C" NOT NULL,
    client_id    text NOT NULL,
    name         text NOT NULL,
    audience     text NOT NULL,
    scope        text NOT NULL,
    jkt          text
  );
  CREATE INDEX api_token_by_user ON latchkey.api_token (user_id);
  CREATE INDEX api_token_by_expiry ON latchkey.api_token (expires_at);
  CREATE INDEX api_token_revoked ON latchkey.api_token (id) WHERE revoked_at IS NOT NULL;

  CREATE FUNCTION latchkey.end_api_tokens(of_user text, now bigint) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $body$
  DECLARE
    ended jsonb;
  BEGIN
    -- Where an account is enabled nothing ends.
    IF now IS NULL THEN RETURN '[]'::jsonb; END IF;
    -- In the order of their ids, as all do who lock several.
    PERFORM FROM latchkey.api_token
      WHERE user_id = of_user AND revoked_at IS NULL AND expires_at > now ORDER BY id FOR UPDATE;
    WITH ending AS (
      UPDATE latchkey.api_token SET revoked_at = now, name = ''
       WHERE user_id = of_user AND revoked_at IS NULL AND expires_at > now
      RETURNING id, expires_at
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'expiresAt', expires_at) ORDER BY id), '[]'::jsonb)
      INTO ended FROM ending;
    RETURN ended;
  END
  $body$;
`;
