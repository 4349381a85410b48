import type { SQLOutputValue } from "node:sqlite";

import type { Session } from "../../domain/session.ts";
import { attemptsOf } from "../attempts-text.ts";
import type { Row } from "./select.ts";

/** In the order that {@link sessionOf} reads them in. */
export const SESSION_COLUMNS = `
  session.id, session.user_id, session.client_id, session.audience, session.scope, session.created_at, session.auth_time,
  session.amr, session.acr, session.persistent, session.device, session.ip, session.jkt, session.expires_at,
  session.generation, session.secret_hash, session.attempts, session.attempt_keys_used, session.rotated_at,
  session.idle_expires_at, session.revoked_at, session.place`;

export const SESSION_COLUMN_COUNT = 22;

/** @param row begins with {@link SESSION_COLUMNS} */
export function sessionOf(row: Row): Session {
  const [id, userId, clientId, audience, scope, createdAt, authTime, amr, acr, persistent, device, ip, jkt] = row;
  const [expiresAt, generation, secretHash, attempts, attemptKeysUsed, rotatedAt, idleExpiresAt, revokedAt, place] =
    row.slice(13);
  return {
    id: String(id),
    userId: String(userId),
    clientId: String(clientId),
    audience: String(audience),
    scope: String(scope),
    createdAt: Number(createdAt),
    authTime: Number(authTime),
    amr: JSON.parse(String(amr)) as readonly string[],
    acr: String(acr),
    persistent: persistent === 1,
    device: nullableText(device),
    ip: nullableText(ip),
    place: nullableText(place) || null,
    jkt: nullableText(jkt),
    expiresAt: Number(expiresAt),
    generation: Number(generation),
    secretHash: String(secretHash),
    attempts: attemptsOf(String(attempts)),
    attemptKeysUsed: attemptKeysUsed === 1,
    rotatedAt: Number(rotatedAt),
    idleExpiresAt: Number(idleExpiresAt),
    revokedAt: revokedAt === null ? null : Number(revokedAt),
  };
}

function nullableText(value: SQLOutputValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}
