import type { AuditRow } from "../ports/audit-store.ts";
import type { RecordedEvent } from "../ports/event-log.ts";

/** What a receiver is sent. The same entry is always the same message, however often it is sent. */
export interface WebhookMessage {
  readonly id: string;
  readonly body: string;
}

/** An entry of the audit log as a message: identifiers only, and nothing of where the request came from. */
export function messageOf(logId: string, { number, content }: AuditRow): WebhookMessage {
  const { type, at, origin: _origin, sequence: _sequence, ...data } = JSON.parse(content) as RecordedEvent;
  const timestamp = new Date(at * 1_000).toISOString();
  return { id: `${logId}_${number}`, body: JSON.stringify({ type, timestamp, data }) };
}
