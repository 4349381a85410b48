import type { Session } from "../../domain/session.ts";
import type { SessionStore } from "../../ports/session-store.ts";
import { endedByLimitPrefix } from "../ended-by-limit.ts";
import type { Database } from "./database.ts";
import { EVENT_COLUMNS, eventParameters, eventValues } from "./events.ts";
import { groupRotations, REDEMPTION, ROTATION, rotationValues } from "./rotations.ts";
import { attemptsText } from "../attempts-text.ts";
import { SESSION_COLUMNS } from "../session-columns.ts";
import { sessionOf } from "./session-row.ts";
import { toNullableText, toText } from "./text.ts";
import { ENDED_SESSION_IDS, endUserSessions } from "./user-sessions.ts";

// The account is held until the session is there, so that no change of its password overlooks it: see CHANGE_PASSWORD.
const INSERT = {
  name: "latchkey-create-session",
  text: `
    WITH held AS MATERIALIZED (
      SELECT count(*) FROM (SELECT FROM latchkey.account WHERE id = $2::text FOR SHARE) AS account
    ),
    limited AS MATERIALIZED (
      SELECT latchkey.end_oldest_sessions($2::text, $6::bigint, $27::bigint, $28::text, $29::text) FROM held
    ),
    created AS (
      INSERT INTO latchkey.session (id, user_id, client_id, audience, scope, created_at, auth_time, amr, acr, persistent,
        device, ip, jkt, expires_at, generation, secret_hash, attempts, attempt_keys_used, rotated_at, idle_expires_at,
        place)
      SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21 FROM limited
      RETURNING id
    )
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(21)} FROM created`,
};

const SELECT = {
  name: "latchkey-find-session",
  rowMode: "array",
  text: `SELECT ${SESSION_COLUMNS} FROM latchkey.session WHERE id = $1`,
} as const;

// Flushed: a number in the event log that a reader has seen must never be given to another event.
const ROTATE_RECORDED = {
  name: "latchkey-rotate-session-recorded",
  text: `
    WITH rotated AS (${ROTATION} RETURNING id)
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(11)} FROM rotated`,
};

const REDEEM = {
  name: "latchkey-redeem-session",
  text: `
    WITH redeemed AS (${REDEMPTION} RETURNING id)
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(12)} FROM redeemed`,
};

const REVOKE = {
  name: "latchkey-revoke-session",
  text: `
    WITH revoked AS (
      UPDATE latchkey.session SET revoked_at = $2, revoked_reason = $3 WHERE id = $1 AND revoked_at IS NULL RETURNING id
    )
    INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(3)} FROM revoked`,
};

const REVOKE_OF_USER = {
  name: "latchkey-revoke-user-sessions",
  text: `
    WITH ${endUserSessions("SELECT $1::text AS user_id, $2::text AS kept_id, $3::bigint AS at, $4::text AS reason")},
    counted AS (SELECT count(*) AS count FROM ended),
    recorded AS (INSERT INTO latchkey.event ${EVENT_COLUMNS} SELECT ${eventParameters(4, ENDED_SESSION_IDS)} FROM counted)
    SELECT count FROM counted`,
};

const LIST = {
  name: "latchkey-list-sessions",
  rowMode: "array",
  text: `
    SELECT ${SESSION_COLUMNS} FROM latchkey.session
     WHERE user_id = $1 AND revoked_at IS NULL AND idle_expires_at > $2 AND expires_at > $2
     ORDER BY created_at DESC, id`,
} as const;

// Nodes that purge at once skip each other's rows, and a session that is being changed: there is always a next time.
const PURGE = {
  name: "latchkey-purge-sessions",
  text: `
    WITH over AS MATERIALIZED (
      SELECT id FROM latchkey.session WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM latchkey.session USING over WHERE session.id = over.id`,
};

export function createSessionStore(database: Database): SessionStore {
  const rotate = groupRotations(database);

  return {
    async createSession(session, event, maxSessions, lastToGoId) {
      const left = maxSessions === undefined ? null : maxSessions - 1;
      const prefix = endedByLimitPrefix(session, event.origin);
      const lastToGo = toNullableText(lastToGoId ?? null);
      await database.run(INSERT, [...insertedValues(session), ...eventValues(event), left, prefix, lastToGo]);
    },

    async findSession(id) {
      const { rows } = await database.run(SELECT, [toText(id)]);
      return rows[0] === undefined ? undefined : sessionOf(rows[0]);
    },

    async rotateSession(rotation, event) {
      if (event === undefined) return rotate(rotation);
      const { rowCount } = await database.run(ROTATE_RECORDED, [...rotationValues(rotation), ...eventValues(event)]);
      return rowCount === 1;
    },

    async redeemSession(redemption, event) {
      const values = [...rotationValues(redemption), toNullableText(redemption.jkt), ...eventValues(event)];
      return (await database.run(REDEEM, values)).rowCount === 1;
    },

    async revokeSession({ sessionId, at, reason }, event) {
      const { rowCount } = await database.run(REVOKE, [toText(sessionId), at, reason, ...eventValues(event)]);
      return rowCount === 1;
    },

    async revokeUserSessions({ userId, exceptSessionId, at, reason }, event) {
      const values = [toText(userId), toNullableText(exceptSessionId), at, reason, ...eventValues(event)];
      const { rows } = await database.run(REVOKE_OF_USER, values);
      return Number(rows[0]?.["count"]);
    },

    async listSessions(userId, now) {
      const { rows } = await database.run(LIST, [toText(userId), now]);
      return rows.map(sessionOf);
    },

    async purgeSessions(now, limit) {
      const { rowCount } = await database.run(PURGE, [now, limit]);
      return rowCount ?? 0;
    },
  };
}

function insertedValues(session: Session) {
  return [
    toText(session.id),
    toText(session.userId),
    toText(session.clientId),
    toText(session.audience),
    toText(session.scope),
    session.createdAt,
    session.authTime,
    JSON.stringify(session.amr),
    toText(session.acr),
    session.persistent,
    toNullableText(session.device),
    toNullableText(session.ip),
    toNullableText(session.jkt),
    session.expiresAt,
    session.generation,
    toText(session.secretHash),
    attemptsText(session.attempts),
    session.attemptKeysUsed,
    session.rotatedAt,
    session.idleExpiresAt,
    toNullableText(session.place),
  ];
}
