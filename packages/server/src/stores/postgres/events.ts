import type { AuthEvent } from "../../domain/event.ts";
import type { EventLog, RecordedEvent } from "../../ports/event-log.ts";
import type { Database, Value } from "./database.ts";
import { toNullableText } from "./text.ts";

const APPEND = {
  name: "latchkey-append-event",
  text: `INSERT INTO latchkey.event (at, type, user_id, session_id, detail) VALUES ($1, $2, $3, $4, $5)`,
};
const LIST = { name: "latchkey-list-events", text: "SELECT number, content FROM latchkey.list_events($1, $2)" };

/** The columns of an event, for statements that append one with the change it tells of. */
export const EVENT_COLUMNS = "(at, type, user_id, session_id, detail)";

/** The values of {@link EVENT_COLUMNS}, as the five parameters of a statement that follow its first `after` ones. */
export function eventParameters(after: number): string {
  const [at, type, userId, sessionId, detail] = [1, 2, 3, 4, 5].map((offset) => `$${after + offset}`);
  return `${at}::bigint, ${type}::text, ${userId}::text, ${sessionId}::text, ${detail}::text`;
}

export function eventValues(event: AuthEvent): readonly Value[] {
  const sessionId = "sessionId" in event ? event.sessionId : null;
  return [event.at, event.type, toNullableText(event.userId), toNullableText(sessionId), JSON.stringify(event)];
}

export function createEventLog(database: Database): EventLog {
  return {
    async appendEvent(event) {
      await database.run(APPEND, eventValues(event));
    },

    async listEvents(after, limit) {
      const { rows } = await database.run(LIST, [after, limit]);
      return rows.map((row): RecordedEvent => ({
        ...(JSON.parse(String(row["content"])) as AuthEvent),
        sequence: Number(row["number"]),
      }));
    },
  };
}
