import type { DatabaseSync } from "node:sqlite";

import type { AuthEvent, Origin } from "../../domain/event.ts";
import type { Session } from "../../domain/session.ts";
import type { SessionRotation, SessionStore } from "../../ports/session-store.ts";
import type { SqliteConnections } from "./connection.ts";
import { part, transaction } from "./connection.ts";
import { endedByLimit } from "../ended-by-limit.ts";
import { attemptsText } from "../attempts-text.ts";
import { prepareAppendEvent } from "./events.ts";
import type { TurnBatch } from "./turn-batch.ts";
import { prepareSelect } from "./select.ts";
import { SESSION_COLUMNS } from "../session-columns.ts";
import { sessionOf } from "./session-row.ts";
import { prepareRevokeUserSessions } from "./user-sessions.ts";

interface SessionBatches {
  /** On the relaxed connection. */
  readonly rotations: TurnBatch;
  /** On the durable one. */
  readonly signIns: TurnBatch;
}

export function createSessionStore(
  { durable, relaxed }: SqliteConnections,
  { rotations, signIns }: SessionBatches,
): SessionStore {
  const append = prepareAppendEvent(durable);

  const insert = durable.prepare(`
    INSERT INTO session (id, user_id, client_id, audience, scope, created_at, auth_time, amr, acr, persistent, device, ip,
      jkt, expires_at, generation, secret_hash, attempts, attempt_keys_used, rotated_at, idle_expires_at, place)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);

  const select = prepareSelect(relaxed, `SELECT ${SESSION_COLUMNS} FROM session WHERE id = ?`);

  // As listed, newest first, after the one that is the last to go: those past the first so many.
  const selectOldest = durable.prepare(`
    SELECT id FROM session
     WHERE user_id = ? AND revoked_at IS NULL AND idle_expires_at > ? AND expires_at > ?
     ORDER BY id IS ? DESC, created_at DESC, id LIMIT -1 OFFSET ?`);

  const rotateRelaxed = prepareRotate(relaxed);
  const rotateDurably = prepareRotate(durable);
  const bind = durable.prepare("UPDATE session SET jkt = ? WHERE id = ?");

  const revoke = durable.prepare(
    "UPDATE session SET revoked_at = ?, revoked_reason = ? WHERE id = ? AND revoked_at IS NULL",
  );

  const revokeOfUser = prepareRevokeUserSessions(durable);

  const selectLive = prepareSelect(
    relaxed,
    `
    SELECT ${SESSION_COLUMNS} FROM session
     WHERE user_id = ? AND revoked_at IS NULL AND idle_expires_at > ? AND expires_at > ?
     ORDER BY created_at DESC, id`,
  );

  const purge = durable.prepare(
    "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
  );

  const endOldest = (
    created: Session,
    origin: Origin,
    { left, lastToGoId }: { readonly left: number; readonly lastToGoId: string | undefined },
  ): void => {
    const { userId, createdAt: now } = created;
    for (const row of selectOldest.all(userId, now, now, lastToGoId ?? null, left)) {
      const id = String(row["id"]);
      revoke.run(now, "session_limit", id);
      append(endedByLimit(created, origin, id));
    }
  };

  /** Flushed: a number in the event log that a reader has seen must never be given to another event. */
  const rotateRecorded = async (rotation: SessionRotation, event: AuthEvent): Promise<boolean> =>
    transaction(durable, () => {
      const rotated = rotateDurably(rotation);
      if (rotated) append(event);
      return rotated;
    });

  return {
    createSession: (session, event, maxSessions, lastToGoId) =>
      signIns.add(() =>
        part(durable, () => {
          if (maxSessions !== undefined) endOldest(session, event.origin, { left: maxSessions - 1, lastToGoId });
          insert.run(
            session.id,
            session.userId,
            session.clientId,
            session.audience,
            session.scope,
            session.createdAt,
            session.authTime,
            JSON.stringify(session.amr),
            session.acr,
            Number(session.persistent),
            session.device,
            session.ip,
            session.jkt,
            session.expiresAt,
            session.generation,
            session.secretHash,
            attemptsText(session.attempts),
            Number(session.attemptKeysUsed),
            session.rotatedAt,
            session.idleExpiresAt,
            session.place,
          );
          append(event);
        }),
      ),

    async findSession(id) {
      const row = select.get(id);
      return row === undefined ? undefined : sessionOf(row);
    },

    rotateSession: (rotation, event) =>
      event === undefined ? rotations.add(() => rotateRelaxed(rotation)) : rotateRecorded(rotation, event),

    async redeemSession(redemption, event) {
      return transaction(durable, () => {
        const redeemed = rotateDurably(redemption);
        if (redeemed && redemption.jkt !== null) bind.run(redemption.jkt, redemption.sessionId);
        if (redeemed) append(event);
        return redeemed;
      });
    },

    async revokeSession({ sessionId, at, reason }, event) {
      return transaction(durable, () => {
        const revoked = revoke.run(at, reason, sessionId).changes === 1;
        if (revoked) append(event);
        return revoked;
      });
    },

    async revokeUserSessions(revocation, event) {
      return transaction(durable, () => {
        const endedSessionIds = revokeOfUser(revocation);
        append({ ...event, endedSessionIds });
        return endedSessionIds.length;
      });
    },

    async listSessions(userId, now) {
      return selectLive.all(userId, now, now).map(sessionOf);
    },

    async purgeSessions(now, limit) {
      return Number(purge.run(now, limit).changes);
    },
  };
}

/** The compare-and-set, within whatever transaction the caller has begun; answers whether the row moved. */
function prepareRotate(database: DatabaseSync): (rotation: SessionRotation) => boolean {
  const update = database.prepare(`
    UPDATE session
       SET generation = ?, secret_hash = ?, attempts = ?, attempt_keys_used = ?, rotated_at = ?, idle_expires_at = ?,
           device = coalesce(?, device), place = coalesce(?, place)
     WHERE id = ? AND generation = ? AND secret_hash = ? AND revoked_at IS NULL`);
  return ({ sessionId, expected, next, seen }) => {
    const { changes } = update.run(
      next.generation,
      next.secretHash,
      attemptsText(next.attempts),
      Number(next.attemptKeysUsed),
      next.rotatedAt,
      next.idleExpiresAt,
      seen?.device ?? null,
      seen?.place ?? null,
      sessionId,
      expected.generation,
      expected.secretHash,
    );
    return changes === 1;
  };
}
