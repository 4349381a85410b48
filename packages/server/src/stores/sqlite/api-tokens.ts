import type { ApiToken } from "../../domain/api-token.ts";
import type { ApiTokenStore } from "../../ports/api-token-store.ts";
import type { SqliteConnections } from "./connection.ts";
import { transaction } from "./connection.ts";
import { prepareAppendEvent } from "./events.ts";
import type { Row } from "./select.ts";
import { prepareSelect } from "./select.ts";
import { prepareEndUserApiTokens } from "./user-api-tokens.ts";

const COLUMNS = "id, user_id, client_id, name, audience, scope, jkt, created_at, expires_at, last_used_at, revoked_at";

export function createApiTokenStore({ durable, relaxed }: SqliteConnections): ApiTokenStore {
  const append = prepareAppendEvent(durable);
  const endAll = prepareEndUserApiTokens(durable);
  const selectOwner = durable.prepare("SELECT id FROM user WHERE id = ? AND password_hash = ? AND disabled_at IS NULL");
  const countLive = prepareSelect(
    durable,
    "SELECT count(*) FROM api_token WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ?",
  );
  const insert = durable.prepare(`INSERT INTO api_token (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const select = prepareSelect(relaxed, `SELECT ${COLUMNS} FROM api_token WHERE id = ?`);
  const selectLive = prepareSelect(
    relaxed,
    `SELECT ${COLUMNS} FROM api_token
      WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ? ORDER BY created_at DESC, id`,
  );
  const revoke = durable.prepare("UPDATE api_token SET revoked_at = ?, name = '' WHERE id = ? AND revoked_at IS NULL");
  const selectRevoked = prepareSelect(
    relaxed,
    "SELECT id, expires_at FROM api_token WHERE revoked_at IS NOT NULL AND expires_at > ? AND id > ? ORDER BY id LIMIT ?",
  );
  const noteUse = relaxed.prepare(`
    UPDATE api_token SET last_used_at = ?
     WHERE id = ? AND coalesce(last_used_at, 0) < ? AND audience IN (SELECT value FROM json_each(?))`);
  const purge = durable.prepare(
    "DELETE FROM api_token WHERE id IN (SELECT id FROM api_token WHERE expires_at < ? LIMIT ?)",
  );

  return {
    async createApiToken({ token, expectedHash, maxPerUser }, event) {
      return transaction(durable, () => {
        if (selectOwner.get(token.userId, expectedHash) === undefined) return "refused";
        const [live] = countLive.get(token.userId, token.createdAt) ?? [];
        if (Number(live) >= maxPerUser) return "too many";
        const { id, userId, clientId, name, audience, scope, jkt } = token;
        const times = [token.createdAt, token.expiresAt, token.lastUsedAt, token.revokedAt];
        insert.run(id, userId, clientId, name, audience, scope, jkt, ...times);
        append(event);
        return "created";
      });
    },

    async findApiToken(id) {
      const row = select.get(id);
      return row && tokenOf(row);
    },

    async listApiTokens(userId, now) {
      return selectLive.all(userId, now).map((row) => tokenOf(row));
    },

    async revokeApiToken({ id, at }, event) {
      return transaction(durable, () => {
        const revoked = revoke.run(at, id).changes === 1;
        if (revoked) append(event);
        return revoked;
      });
    },

    async revokeUserApiTokens(revocation, event) {
      return transaction(durable, () => {
        const endedApiTokens = endAll(revocation);
        if (endedApiTokens.length > 0) append({ ...event, endedApiTokens });
        return endedApiTokens.length;
      });
    },

    async listRevokedApiTokens({ now, after, limit }) {
      return selectRevoked.all(now, after, limit).map(([id, expiresAt]) => ({
        id: String(id),
        expiresAt: Number(expiresAt),
      }));
    },

    async noteApiTokenUses(uses, audiences) {
      const known = JSON.stringify(audiences);
      transaction(relaxed, () => {
        for (const { id, at } of uses) noteUse.run(at, id, at, known);
      });
    },

    async purgeApiTokens(now, limit) {
      return Number(purge.run(now, limit).changes);
    },
  };
}

function tokenOf(row: Row): ApiToken {
  const [id, userId, clientId, name, audience, scope, jkt, createdAt, expiresAt, lastUsedAt, revokedAt] = row;
  return {
    id: String(id),
    userId: String(userId),
    clientId: String(clientId),
    name: String(name),
    audience: String(audience),
    scope: String(scope),
    jkt: typeof jkt === "string" ? jkt : null,
    createdAt: Number(createdAt),
    expiresAt: Number(expiresAt),
    lastUsedAt: lastUsedAt === null ? null : Number(lastUsedAt),
    revokedAt: revokedAt === null ? null : Number(revokedAt),
  };
}
