import type { AuthEvent } from "../domain/event.ts";
import type { AuditRow } from "../ports/audit-store.ts";
import type { RecordedEvent } from "../ports/event-log.ts";

/** What a receiver is sent. The same entry is always the same message, however often it is sent. */
export interface WebhookMessage {
  readonly id: string;
  readonly body: string;
}

type KeysOf<Union> = Union extends unknown ? keyof Union : never;

/** What `data` may hold, by docs/webhooks.md: all that events say of themselves, but for where the request came from. */
const DATA_FIELDS: Readonly<Record<Exclude<KeysOf<AuthEvent>, "type" | "at" | "origin">, true>> = {
  userId: true,
  sessionId: true,
  clientId: true,
  keptSessionId: true,
  tokenId: true,
  reason: true,
  cause: true,
  change: true,
  outcome: true,
  behind: true,
  expiresAt: true,
  kid: true,
  purpose: true,
  through: true,
};

/** An entry of the audit log as a message. What nodes tell each other with an event is not for receivers. */
export function messageOf(logId: string, { number, content }: AuditRow): WebhookMessage {
  const event = JSON.parse(content) as RecordedEvent;
  const timestamp = new Date(event.at * 1_000).toISOString();
  const data = Object.fromEntries(Object.entries(event).filter(([field]) => Object.hasOwn(DATA_FIELDS, field)));
  return { id: `${logId}_${number}`, body: JSON.stringify({ type: event.type, timestamp, data }) };
}
