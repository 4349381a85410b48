import { setImmediate } from "node:timers/promises";

import type { Clock } from "../ports/clock.ts";
import type { EventLog, RecordedEvent } from "../ports/event-log.ts";
import type { Logger } from "../ports/logger.ts";
import { readAnew } from "../read-anew.ts";
import type { OutboxPosition } from "./outbox-position.ts";
import { BEGINNING, findSequenceBefore, isSamePosition, positionOf } from "./outbox-position.ts";

/** Reads the outbox from a time on, and then whatever is appended, on whatever node. */
export interface OutboxReader {
  readonly position: OutboxPosition;
  /** When all that had been answered by then was known to have been read, in seconds since 1970; `undefined` at first. */
  readonly readAt: number | undefined;
  /** Up to this number, nothing was read: what came before it was too long ago. */
  readonly begunAfter: number;
  /** Grows when the outbox turned out to be another than the one read before. */
  readonly history: number;
  /**
   * Reads all there is to read, in pages; what is asked for while it reads, it reads once more.
   *
   * @throws where the store cannot be read; what had been read until then stays
   */
  readOn(): Promise<void>;
}

export interface OutboxReaderOptions {
  readonly events: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where to begin: events this long ago, in seconds, and older are not read. */
  readonly reachSeconds: number;
  /** Called before the first event is read, from a place that is settled by then; where it rejects, it is called again. */
  readonly onBeginning: () => Promise<void>;
  /** Called with the events of each page, in their order. Where it rejects, the page is read again. */
  readonly onEvents: (events: readonly RecordedEvent[]) => Promise<void>;
  /** Called before events come again, of an outbox that is not the one read before. */
  readonly onOtherHistory: () => void;
}

const PAGE = 500;

export function createOutboxReader(options: OutboxReaderOptions): OutboxReader {
  const { events, clock, logger, reachSeconds, onBeginning, onEvents, onOtherHistory } = options;
  let position: OutboxPosition | undefined;
  let readAt: number | undefined;
  let begunAfter = 0;
  let history = 0;

  const begin = async (): Promise<OutboxPosition> => {
    const sequence = await findSequenceBefore(events, clock() - reachSeconds);
    const [last] = sequence === 0 ? [] : await events.listEvents(sequence - 1, 1);
    await onBeginning();
    begunAfter = sequence;
    return last === undefined ? BEGINNING : positionOf(last);
  };

  /** The page after the position, or `undefined` where the outbox no longer holds the position. */
  const readPage = async (from: OutboxPosition): Promise<readonly RecordedEvent[] | undefined> => {
    if (from.sequence === 0) return events.listEvents(0, PAGE);
    const [last, ...page] = await events.listEvents(from.sequence - 1, PAGE + 1);
    return last !== undefined && isSamePosition(positionOf(last), from) ? page : undefined;
  };

  const read = async (): Promise<void> => {
    for (;;) {
      const asked = clock();
      position ??= await begin();
      const page = await readPage(position);
      if (page === undefined) {
        logger.warn({}, "the event log is not the one read before, as after a restored backup: it is read again");
        position = undefined;
        history += 1;
        onOtherHistory();
        continue;
      }
      const last = page.at(-1);
      if (last !== undefined) {
        await onEvents(page);
        position = positionOf(last);
      }
      if (page.length < PAGE) {
        readAt = asked;
        return;
      }
      // SQLite answers at once: requests are answered between pages, however many there are.
      await setImmediate();
    }
  };

  return {
    get position() {
      return position ?? BEGINNING;
    },
    get readAt() {
      return readAt;
    },
    get begunAfter() {
      return begunAfter;
    },
    get history() {
      return history;
    },
    readOn: readAnew(read),
  };
}
