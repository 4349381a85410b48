import type { EndedApiToken } from "../domain/api-token.ts";
import type { AuthEvent } from "../domain/event.ts";

export type RecordedEvent = AuthEvent &
  EventConsequences & {
    /** Strictly increasing, in commit order. */
    readonly sequence: number;
  };

/** What only the step that made the change knows, and writes down with the event. */
export interface EventConsequences {
  /** The sessions that a change of all a user's sessions ended. */
  readonly endedSessionIds?: readonly string[];
  /** The API tokens that a change of all a user's ended. */
  readonly endedApiTokens?: readonly EndedApiToken[];
  /** The user's claims epoch from here on, where their rights changed. */
  readonly claimsEpoch?: number;
}

/** The outbox. Events of a change are appended by the verb that makes it; this is for what changes nothing, and to read. */
export interface EventLog {
  appendEvent(event: AuthEvent): Promise<void>;

  /** Events after a sequence number, oldest first. */
  listEvents(after: number, limit: number): Promise<readonly RecordedEvent[]>;

  /** Removes the oldest events, those up to this number that are of before this time, at most `limit`; answers how many. */
  purgeEvents(purge: { readonly through: number; readonly before: number; readonly limit: number }): Promise<number>;

  /**
   * Calls the listener soon after events may have been appended, on this node or another. It is a hint, to be answered by
   * reading: it may come for nothing, and be lost. Answers what ends the watching.
   */
  watch(listener: () => void): () => void;
}
