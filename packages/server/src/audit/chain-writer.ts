import { setImmediate } from "node:timers/promises";

import type { AuditRow, AuditState } from "../ports/audit-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { RecordedEvent } from "../ports/event-log.ts";
import type { Logger } from "../ports/logger.ts";
import type { Store } from "../ports/store.ts";
import type { OutboxPosition } from "../revocations/outbox-position.ts";
import { BEGINNING, findSequenceBefore, isSamePosition, positionOf } from "../revocations/outbox-position.ts";
import { contentOf, entriesAfter } from "./entry.ts";

export interface ChainWriterOptions {
  readonly store: Pick<Store, "audit" | "events">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** SQLite answers at once, so each page holds up requests: a few milliseconds. */
const PAGE = 200;

/** How far back entries are compared with an outbox that has changed, in seconds. */
const COMPARED_SECONDS = 3_600;

/**
 * Moves what the outbox shows into the audit log, in its order. The outbox shows only what no later commit can come before,
 * so that the chain is made once and not again. Of several nodes that write at once, one appends and the others find that
 * the head has moved. Answers how many entries this call has written.
 */
export async function writeChain(options: ChainWriterOptions): Promise<number> {
  const { audit } = options.store;
  let written = 0;
  for (;;) {
    const state = await audit.readState();
    const page = await readSource(options, state.source);
    if (page === undefined) return written + (await resume(options, state));
    const last = page.at(-1);
    if (last === undefined) return written;
    const rows = entriesAfter(state.head, page);
    if (!(await audit.append(state.head, rows, positionOf(last)))) return written;
    written += rows.length;
    if (page.length < PAGE) return written;
    await setImmediate();
  }
}

/** What follows the position, or `undefined` where the outbox no longer holds the position. */
async function readSource(
  { store: { events } }: ChainWriterOptions,
  from: OutboxPosition,
): Promise<readonly RecordedEvent[] | undefined> {
  if (from.sequence === 0) return events.listEvents(0, PAGE);
  const [last, ...page] = await events.listEvents(from.sequence - 1, PAGE + 1);
  return last !== undefined && isSamePosition(positionOf(last), from) ? page : undefined;
}

/**
 * The outbox is another than was read: Redis lost its last writes, or dropped events that nobody had read. The log says so,
 * and goes on with what is not in it yet.
 */
async function resume(
  { store: { audit, events }, clock, logger }: ChainWriterOptions,
  at: AuditState,
): Promise<number> {
  logger.error({}, "the event log is not the one read before: entries may be missing from the audit log");
  const [newest] = await audit.listEntries({ before: at.head.number + 1, limit: 1 });
  const since = (newest?.at ?? clock()) - COMPARED_SECONDS;
  const known = await recordedSince(audit, since);
  const begin = await findSequenceBefore(events, since);
  const [before] = begin === 0 ? [] : await events.listEvents(begin - 1, 1);
  let source = before === undefined ? BEGINNING : positionOf(before);
  let { head } = at;
  let written = 0;
  const append = async (news: readonly RecordedEvent[]): Promise<boolean> => {
    const rows = entriesAfter(head, news);
    if (!(await audit.append(head, rows, source))) return false;
    head = rows.at(-1) ?? head;
    written += rows.length;
    return true;
  };
  const nobody = { ip: null, userAgent: null };
  if (!(await append([{ type: "audit_source_changed", userId: null, at: clock(), origin: nobody, sequence: 0 }])))
    return 0;

  for (;;) {
    const page = await events.listEvents(source.sequence, PAGE);
    const last = page.at(-1);
    if (last === undefined) return written;
    source = positionOf(last);
    const news = page.filter((event) => {
      const left = known.get(bareContent(contentOf(event))) ?? 0;
      if (left > 0) known.set(bareContent(contentOf(event)), left - 1);
      return left === 0;
    });
    if (!(await append(news))) return written;
    await setImmediate();
  }
}

/** What the log holds of this time and later, and how often. */
async function recordedSince(audit: Store["audit"], since: number): Promise<Map<string, number>> {
  const known = new Map<string, number>();
  let after = 0;
  for (;;) {
    const rows: readonly AuditRow[] = await audit.listEntries({ since, after, limit: 1_000 });
    for (const { content } of rows) known.set(bareContent(content), (known.get(bareContent(content)) ?? 0) + 1);
    const last = rows.at(-1);
    if (last === undefined) return known;
    after = last.number;
  }
}

/** Without its number, which may be another now. */
function bareContent(content: string): string {
  const { sequence: _sequence, ...event } = JSON.parse(content) as RecordedEvent;
  return JSON.stringify(event);
}
