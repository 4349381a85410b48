import type { AuthEvent } from "../../domain/event.ts";
import type { EventConsequences, EventLog, RecordedEvent } from "../../ports/event-log.ts";
import type { Database, PostgresPool, Value } from "./database.ts";
import { toNullableText } from "./text.ts";
import { watchNotifications } from "./watch-notifications.ts";

export const APPEND = {
  name: "latchkey-append-event",
  text: `INSERT INTO latchkey.event (at, type, user_id, session_id, detail) VALUES ($1, $2, $3, $4, $5)`,
};
const LIST = { name: "latchkey-list-events", text: "SELECT number, content FROM latchkey.list_events($1, $2)" };

const PURGE = {
  name: "latchkey-purge-events",
  text: `
    DELETE FROM latchkey.event WHERE sequence IN (
      SELECT sequence FROM (SELECT sequence, at FROM latchkey.event ORDER BY sequence LIMIT $3) AS oldest
       WHERE sequence <= $1 AND at < $2
    )`,
};

/** The columns of an event, for statements that append one with the change it tells of. */
export const EVENT_COLUMNS = "(at, type, user_id, session_id, detail)";

/**
 * The values of {@link EVENT_COLUMNS}, as the five parameters of a statement that follow its first `after` ones.
 *
 * @param consequences what only the statement knows of the event, as names and values for `jsonb_build_object`
 */
export function eventParameters(after: number, consequences?: string): string {
  const [at, type, userId, sessionId, text] = [1, 2, 3, 4, 5].map((offset) => `$${after + offset}`);
  // Text is joined to text: through jsonb a user agent's \\u0000 would be refused.
  const detail =
    consequences === undefined
      ? `${text}::text`
      : `left(${text}::text, -1) || ',' || substr(jsonb_build_object(${consequences})::text, 2)`;
  return `${at}::bigint, ${type}::text, ${userId}::text, ${sessionId}::text, ${detail}`;
}

export function eventValues(event: AuthEvent): readonly Value[] {
  const sessionId = "sessionId" in event ? event.sessionId : null;
  return [event.at, event.type, toNullableText(event.userId), toNullableText(sessionId), JSON.stringify(event)];
}

export function createEventLog(database: Database, pool: PostgresPool): EventLog {
  return {
    async appendEvent(event) {
      await database.run(APPEND, eventValues(event));
    },

    async listEvents(after, limit) {
      const { rows } = await database.run(LIST, [after, limit]);
      return rows.map((row): RecordedEvent => ({
        ...(JSON.parse(String(row["content"])) as AuthEvent & EventConsequences),
        sequence: Number(row["number"]),
      }));
    },

    async purgeEvents({ through, before, limit }) {
      return (await database.run(PURGE, [through, before, limit])).rowCount ?? 0;
    },

    watch: (listener) => watchNotifications(pool, listener),
  };
}
