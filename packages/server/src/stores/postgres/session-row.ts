import type { Session } from "../../domain/session.ts";
import { attemptsOf } from "../attempts-text.ts";
import type { Row } from "./database.ts";
import { fromNullableText, fromText } from "./text.ts";

/** @param row begins with `SESSION_COLUMNS` */
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
    jkt: fromNullableText(row[12]),
    expiresAt: Number(row[13]),
    generation: Number(row[14]),
    secretHash: fromText(String(row[15])),
    attempts: attemptsOf(String(row[16])),
    attemptKeysUsed: row[17] === true,
    rotatedAt: Number(row[18]),
    idleExpiresAt: Number(row[19]),
    revokedAt: row[20] === null ? null : Number(row[20]),
    place: fromNullableText(row[21]) || null,
  };
}
