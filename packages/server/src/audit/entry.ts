import { hash } from "node:crypto";

import type { AuditLink, AuditRow } from "../ports/audit-store.ts";
import type { RecordedEvent } from "../ports/event-log.ts";

/** What is kept of a user agent, in UTF-16 units. */
const MAX_USER_AGENT = 256;

/** The entries that record these events, after the entry `head`. */
export function entriesAfter(head: AuditLink, events: readonly RecordedEvent[]): readonly AuditRow[] {
  let previous = head;
  return events.map((event) => {
    const number = previous.number + 1;
    const content = contentOf(event);
    const row = { ...columnsOf(event), number, content, hash: hashEntry(previous.hash, number, content) };
    previous = row;
    return row;
  });
}

/** Covers the entry and, by the hash of the one before it, all entries before. */
export function hashEntry(previousHash: string, number: number, content: string): string {
  return hash("sha256", `latchkey audit entry\n${previousHash}\n${number}\n${content}`, "base64url");
}

/**
 * The event as one line of printable ASCII: whatever a client calls itself, it can neither end a line nor move a terminal's
 * cursor.
 */
export function contentOf(event: RecordedEvent): string {
  const { ip, userAgent } = event.origin;
  const bounded = { ...event, origin: { ip, userAgent: userAgent?.slice(0, MAX_USER_AGENT) ?? null } };
  return JSON.stringify(bounded).replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What an entry is found by. */
export function columnsOf(event: RecordedEvent): Omit<AuditRow, keyof AuditLink | "content"> {
  return {
    at: event.at,
    type: event.type,
    userId: event.userId,
    sessionId: "sessionId" in event ? event.sessionId : null,
    ip: event.origin.ip,
  };
}
