import type { ApiToken } from "../../domain/api-token.ts";
import type { ApiTokenCreationVerdict, ApiTokenStore } from "../../ports/api-token-store.ts";
import type { Database, PostgresPool, Row } from "./database.ts";
import { transaction } from "./database.ts";
import { APPEND, EVENT_COLUMNS, eventParameters, eventValues } from "./events.ts";
import { fromNullableText, fromText, toNullableText, toText } from "./text.ts";

const COLUMNS = "id, user_id, client_id, name, audience, scope, jkt, created_at, expires_at, last_used_at, revoked_at";

// Locks the account: of those who make tokens, and those who end all of them, one comes after the other.
const LOCK_OWNER = `
  SELECT FROM latchkey.account WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL FOR NO KEY UPDATE`;

// A statement of its own, after the lock: it sees what was made by those who had it before.
const COUNT_LIVE = `
  SELECT count(*) AS live FROM latchkey.api_token WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2`;

const INSERT = `
  INSERT INTO latchkey.api_token (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`;

const FIND = { name: "latchkey-find-api-token", text: `SELECT ${COLUMNS} FROM latchkey.api_token WHERE id = $1` };

const LIST = {
  name: "latchkey-list-api-tokens",
  text: `
    SELECT ${COLUMNS} FROM latchkey.api_token
     WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY created_at DESC, id`,
};

const REVOKE = {
  name: "latchkey-revoke-api-token",
  text: `
    WITH revoked AS (
      UPDATE latchkey.api_token SET revoked_at = $2, name = '' WHERE id = $1 AND revoked_at IS NULL RETURNING id
    )
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(2)} FROM revoked`,
};

const REVOKE_ALL = {
  name: "latchkey-revoke-user-api-tokens",
  text: `
    WITH locked AS MATERIALIZED (SELECT id FROM latchkey.account WHERE id = $1 FOR NO KEY UPDATE),
    ended AS MATERIALIZED (SELECT latchkey.end_api_tokens(id, $2::bigint) AS tokens FROM locked),
    appended AS (
      INSERT INTO latchkey.event ${EVENT_COLUMNS}
      SELECT ${eventParameters(2, "'endedApiTokens', ended.tokens")} FROM ended WHERE jsonb_array_length(ended.tokens) > 0
    )
    SELECT jsonb_array_length(tokens) AS count FROM ended`,
};

const LIST_REVOKED = {
  name: "latchkey-list-revoked-api-tokens",
  text: `
    SELECT id, expires_at FROM latchkey.api_token
     WHERE revoked_at IS NOT NULL AND expires_at > $1 AND id > $2 ORDER BY id LIMIT $3`,
};

// Does not wait for the disk: see ROTATE of the sessions. Rows are locked in the order of their ids, as by all who have several.
const NOTE_USES = {
  name: "latchkey-note-api-token-uses",
  text: `
    WITH used AS (
      SELECT id, max(at) AS at FROM unnest($1::text[], $2::bigint[]) AS reported (id, at) GROUP BY id
    ),
    known AS MATERIALIZED (
      SELECT token.id, used.at
        FROM latchkey.api_token AS token JOIN used ON used.id = token.id
       WHERE coalesce(token.last_used_at, 0) < used.at AND token.audience = ANY($3::text[])
       ORDER BY token.id
         FOR NO KEY UPDATE OF token
    )
    UPDATE latchkey.api_token AS token SET last_used_at = known.at
      FROM known
     WHERE token.id = known.id AND coalesce(token.last_used_at, 0) < known.at
       AND set_config('synchronous_commit', 'off', true) = 'off'`,
};

const PURGE = {
  name: "latchkey-purge-api-tokens",
  text: `
    DELETE FROM latchkey.api_token
     WHERE id IN (SELECT id FROM latchkey.api_token WHERE expires_at < $1 ORDER BY id LIMIT $2)`,
};

/** What the event of a statement says that ends a user's API tokens: see `latchkey.end_api_tokens`. */
export function endedApiTokens(userId: string, at: string): string {
  return `'endedApiTokens', latchkey.end_api_tokens(${userId}, ${at})`;
}

export function createApiTokenStore(database: Database, pool: PostgresPool): ApiTokenStore {
  const findApiToken = async (id: string): Promise<ApiToken | undefined> => {
    const { rows } = await database.run(FIND, [toText(id)]);
    return rows[0] && tokenOf(rows[0]);
  };

  return {
    async createApiToken({ token, expectedHash, maxPerUser }, event) {
      // Brings the schema up to date, which the transaction relies on.
      await findApiToken(token.id);
      return transaction(pool, async (client): Promise<ApiTokenCreationVerdict> => {
        const userId = toText(token.userId);
        const owner = await client.query({ text: LOCK_OWNER, values: [userId, toText(expectedHash)] });
        if (owner.rowCount !== 1) return "refused";
        const { rows } = await client.query({ text: COUNT_LIVE, values: [userId, token.createdAt] });
        if (Number(rows[0]?.["live"]) >= maxPerUser) return "too many";
        const texts = [token.clientId, token.name, token.audience, token.scope].map((text) => toText(text));
        const times = [token.createdAt, token.expiresAt, token.lastUsedAt, token.revokedAt];
        const values = [toText(token.id), userId, ...texts, toNullableText(token.jkt), ...times];
        await client.query({ text: INSERT, values });
        await client.query({ ...APPEND, values: [...eventValues(event)] });
        return "created";
      });
    },

    findApiToken,

    async listApiTokens(userId, now) {
      return (await database.run(LIST, [toText(userId), now])).rows.map((row) => tokenOf(row));
    },

    async revokeApiToken({ id, at }, event) {
      return (await database.run(REVOKE, [toText(id), at, ...eventValues(event)])).rowCount === 1;
    },

    async revokeUserApiTokens({ userId, at }, event) {
      const { rows } = await database.run(REVOKE_ALL, [toText(userId), at, ...eventValues(event)]);
      return Number(rows[0]?.["count"] ?? 0);
    },

    async listRevokedApiTokens({ now, after, limit }) {
      const { rows } = await database.run(LIST_REVOKED, [now, toText(after), limit]);
      return rows.map((row) => ({ id: fromText(String(row["id"])), expiresAt: Number(row["expires_at"]) }));
    },

    async noteApiTokenUses(uses, audiences) {
      const ids = uses.map(({ id }) => toText(id));
      const times = uses.map(({ at }) => at);
      await database.run(NOTE_USES, [ids, times, audiences.map((audience) => toText(audience))]);
    },

    async purgeApiTokens(now, limit) {
      return (await database.run(PURGE, [now, limit])).rowCount ?? 0;
    },
  };
}

function tokenOf(row: Row): ApiToken {
  const text = (column: string): string => fromText(String(row[column]));
  const nullableTime = (column: string): number | null => (row[column] === null ? null : Number(row[column]));
  return {
    id: text("id"),
    userId: text("user_id"),
    clientId: text("client_id"),
    name: text("name"),
    audience: text("audience"),
    scope: text("scope"),
    jkt: fromNullableText(row["jkt"]),
    createdAt: Number(row["created_at"]),
    expiresAt: Number(row["expires_at"]),
    lastUsedAt: nullableTime("last_used_at"),
    revokedAt: nullableTime("revoked_at"),
  };
}
