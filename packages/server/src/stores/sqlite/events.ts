import type { DatabaseSync } from "node:sqlite";

import type { AuthEvent } from "../../domain/event.ts";
import type { EventConsequences, EventLog, RecordedEvent } from "../../ports/event-log.ts";
import type { SqliteConnections } from "./connection.ts";
import type { TurnBatch } from "./turn-batch.ts";
import { watchCommits } from "./watch-commits.ts";

/** Appends an event within whatever transaction the caller has begun on this connection. */
export type AppendEvent = (event: AuthEvent & EventConsequences) => void;

export function prepareAppendEvent(database: DatabaseSync): AppendEvent {
  const insert = database.prepare("INSERT INTO event (at, type, user_id, session_id, detail) VALUES (?, ?, ?, ?, ?)");
  return (event) => {
    const sessionId = "sessionId" in event ? event.sessionId : null;
    insert.run(event.at, event.type, event.userId, sessionId, JSON.stringify(event));
  };
}

/** @param signIns batches on the durable connection that may wait a little, as nothing may that others must hear of */
export function createEventLog({ durable, relaxed }: SqliteConnections, signIns: TurnBatch): EventLog {
  const append = prepareAppendEvent(durable);
  const select = relaxed.prepare("SELECT sequence, detail FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?");
  const purge = durable.prepare(`
    DELETE FROM event WHERE sequence IN (
      SELECT sequence FROM (SELECT sequence, at FROM event ORDER BY sequence LIMIT ?3)
       WHERE sequence <= ?1 AND at < ?2
    )`);
  return {
    async appendEvent(event) {
      if (event.type === "sign_in_failed") await signIns.add(() => append(event));
      else append(event);
    },
    async listEvents(after, limit) {
      return select.all(after, limit).map((row): RecordedEvent => ({
        ...(JSON.parse(String(row["detail"])) as AuthEvent & EventConsequences),
        sequence: Number(row["sequence"]),
      }));
    },
    async purgeEvents({ through, before, limit }) {
      return Number(purge.run(through, before, limit).changes);
    },
    watch: (listener) => watchCommits(relaxed, listener),
  };
}
