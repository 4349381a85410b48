import { createHash } from "node:crypto";

import type { EventLog, RecordedEvent } from "../ports/event-log.ts";

/**
 * A place in the outbox: up to and with this event. The fingerprint tells whether it is the same outbox still: after a
 * database was restored, or failed over to a replica that was behind, its numbers are given to other events.
 */
export interface OutboxPosition {
  /** 0: before the first. */
  readonly sequence: number;
  readonly fingerprint: string;
}

export const BEGINNING: OutboxPosition = { sequence: 0, fingerprint: "0" };

export function positionOf(event: RecordedEvent): OutboxPosition {
  const hash = createHash("sha256").update(JSON.stringify(event)).digest("base64url");
  return { sequence: event.sequence, fingerprint: hash.slice(0, 16) };
}

export function formatCursor({ sequence, fingerprint }: OutboxPosition): string {
  return `${sequence}.${fingerprint}`;
}

export function parseCursor(cursor: string): OutboxPosition | undefined {
  const [, sequence, fingerprint = ""] = /^(\d{1,15})\.([\w-]{1,16})$/.exec(cursor) ?? [];
  return sequence === undefined ? undefined : { sequence: Number(sequence), fingerprint };
}

export function isSamePosition(one: OutboxPosition, other: OutboxPosition): boolean {
  return one.sequence === other.sequence && one.fingerprint === other.fingerprint;
}

/** Whether the outbox still holds the event of this position, and so all that a reader of it has read. */
export async function holdsPosition(events: EventLog, position: OutboxPosition): Promise<boolean> {
  if (position.sequence === 0) return isSamePosition(position, BEGINNING);
  const [event] = await events.listEvents(position.sequence - 1, 1);
  return event !== undefined && isSamePosition(positionOf(event), position);
}

/**
 * A number before the first event of this time or later, found in some dozens of short reads however long the log is. The
 * log is in the order of its numbers, not of its times, which differ by as much as the nodes' clocks do: ask for a time
 * earlier by that.
 */
export async function findSequenceBefore(events: EventLog, time: number): Promise<number> {
  const isEarlier = async (after: number): Promise<number | undefined> => {
    const [event] = await events.listEvents(after, 1);
    return event !== undefined && event.at < time ? event.sequence : undefined;
  };
  // Every event up to `low` is earlier; the one after `high` is not, or does not exist.
  let low = 0;
  let high = 0;
  for (let step = 1; ; step *= 2) {
    const earlier = await isEarlier(high);
    if (earlier === undefined) break;
    low = earlier;
    high = low + step;
  }
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const earlier = await isEarlier(middle);
    if (earlier === undefined) high = middle;
    else low = earlier;
  }
  return low;
}
