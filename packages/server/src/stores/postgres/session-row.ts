import type { Session } from "../../domain/session.ts";
import { attemptsOf } from "../attempts-text.ts";
import type { Row } from "./database.ts";
import { fromNullableText, fromText } from "./text.ts";

export function sessionOf(row: Row): Session {
  return {
    id: fromText(String(row["id"])),
    userId: fromText(String(row["user_id"])),
    clientId: fromText(String(row["client_id"])),
    audience: fromText(String(row["audience"])),
    scope: fromText(String(row["scope"])),
    createdAt: Number(row["created_at"]),
    authTime: Number(row["auth_time"]),
    amr: JSON.parse(String(row["amr"])) as readonly string[],
    acr: fromText(String(row["acr"])),
    persistent: row["persistent"] === true,
    device: fromNullableText(row["device"]),
    ip: fromNullableText(row["ip"]),
    place: fromNullableText(row["place"]) || null,
    jkt: fromNullableText(row["jkt"]),
    expiresAt: Number(row["expires_at"]),
    generation: Number(row["generation"]),
    secretHash: fromText(String(row["secret_hash"])),
    attempts: attemptsOf(String(row["attempts"])),
    attemptKeysUsed: row["attempt_keys_used"] === true,
    rotatedAt: Number(row["rotated_at"]),
    idleExpiresAt: Number(row["idle_expires_at"]),
    revokedAt: row["revoked_at"] === null ? null : Number(row["revoked_at"]),
  };
}
