import type { SQLOutputValue } from "node:sqlite";

import type { Session } from "../../domain/session.ts";
import { attemptsOf } from "../attempts-text.ts";
import type { Row } from "./select.ts";

/** @param row begins with `SESSION_COLUMNS` */
export function sessionOf(row: Row): Session {
  // By number: to take an array of so many values apart costs a refresh 3 % of its garbage.
  return {
    id: String(row[0]),
    userId: String(row[1]),
    clientId: String(row[2]),
    audience: String(row[3]),
    scope: String(row[4]),
    createdAt: Number(row[5]),
    authTime: Number(row[6]),
    amr: JSON.parse(String(row[7])) as readonly string[],
    acr: String(row[8]),
    persistent: row[9] === 1,
    device: nullableText(row[10]),
    ip: nullableText(row[11]),
    jkt: nullableText(row[12]),
    expiresAt: Number(row[13]),
    generation: Number(row[14]),
    secretHash: String(row[15]),
    attempts: attemptsOf(String(row[16])),
    attemptKeysUsed: row[17] === 1,
    rotatedAt: Number(row[18]),
    idleExpiresAt: Number(row[19]),
    revokedAt: row[20] === null ? null : Number(row[20]),
    place: nullableText(row[21]) || null,
  };
}

function nullableText(value: SQLOutputValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}
