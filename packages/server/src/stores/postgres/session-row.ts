import type { Session } from "../../domain/session.ts";
import { attemptsOf } from "../attempts-text.ts";
import type { Row } from "./database.ts";
import { fromNullableText, fromText } from "./text.ts";

/** In the order that {@link sessionOf} reads them in. */
export const SESSION_COLUMNS = `
  session.id, session.user_id, session.client_id, session.audience, session.scope, session.created_at, session.auth_time,
  session.amr, session.acr, session.persistent, session.device, session.ip, session.jkt, session.expires_at,
  session.generation, session.secret_hash, session.attempts, session.attempt_keys_used, session.rotated_at,
  session.idle_expires_at, session.revoked_at, session.place`;

export const SESSION_COLUMN_COUNT = 22;

/** @param row begins with {@link SESSION_COLUMNS} */
export function sessionOf(row: Row): Session {
  return {
    id: fromText(String(row[0])),
    userId: fromText(String(row[1])),
    clientId: fromText(String(row[2])),
    audience: fromText(String(row[3])),
    scope: fromText(String(row[4])),
    createdAt: Number(row[5]),
    authTime: Number(row[6]),
    amr: JSON.parse(String(row[7])) as readonly string[],
    acr: fromText(String(row[8])),
    persistent: row[9] === true,
    device: fromNullableText(row[10]),
    ip: fromNullableText(row[11]),
    place: fromNullableText(row[21]) || null,
    jkt: fromNullableText(row[12]),
    expiresAt: Number(row[13]),
    generation: Number(row[14]),
    secretHash: fromText(String(row[15])),
    attempts: attemptsOf(String(row[16])),
    attemptKeysUsed: row[17] === true,
    rotatedAt: Number(row[18]),
    idleExpiresAt: Number(row[19]),
    revokedAt: row[20] === null ? null : Number(row[20]),
  };
}
