import type { AuthEvent } from "../domain/event.ts";

export type RecordedEvent = AuthEvent & {
  /** Strictly increasing, in commit order. */
  readonly sequence: number;
};

/** The outbox. Events of a change are appended by the verb that makes it; this is for what changes nothing, and to read. */
export interface EventLog {
  appendEvent(event: AuthEvent): Promise<void>;

  /** Events after a sequence number, oldest first. */
  listEvents(after: number, limit: number): Promise<readonly RecordedEvent[]>;
}
