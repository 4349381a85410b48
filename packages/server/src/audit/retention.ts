import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";

const BATCH = 500;

/**
 * How long events stay in the outbox at least, in seconds: longer than the revocation feed reads back, which is the longest
 * life of an access token (an hour) and a few minutes.
 */
const OUTBOX_SECONDS = 86_400;

/** How many of the newest events stay however old they are: readers of the outbox find their place again by its event. */
const OUTBOX_KEPT = 1_000;

/** By how much the nodes' clocks may differ, in seconds. */
const CLOCK_SLACK_SECONDS = 120;

const DAY_SECONDS = 86_400;

/** Removes events that the audit log has and no reader needs any more, in small steps. */
export async function purgeOutbox(options: {
  readonly audit: Store["audit"];
  readonly events: Store["events"];
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { audit, events, clock, signal } = options;
  const { source } = await audit.readState();
  const through = source.sequence - OUTBOX_KEPT;
  const before = clock() - OUTBOX_SECONDS;
  while (through > 0 && !signal.aborted) {
    if ((await events.purgeEvents({ through, before, limit: BATCH })) < BATCH) return;
  }
}

/**
 * Says in the log that entries may be removed, once a day: what is missing without that was removed by somebody else. It
 * goes through the outbox like everything else, and so is covered by the next checkpoint.
 */
export async function announcePurge(options: {
  readonly audit: Store["audit"];
  readonly events: Store["events"];
  readonly clock: Clock;
  readonly retentionDays: number;
}): Promise<void> {
  const { audit, events, clock, retentionDays } = options;
  const now = clock();
  const before = now - retentionDays * DAY_SECONDS;
  const [oldest] = await audit.listEntries({ after: 0, limit: 1 });
  if (oldest === undefined || oldest.at >= before - DAY_SECONDS) return;
  // Entries are in the order of their numbers, not of their times: each of these is old enough, whatever its node's clock.
  const [young] = await audit.listEntries({ since: before - CLOCK_SLACK_SECONDS, after: 0, limit: 1 });
  const { head } = await audit.readState();
  const through = (young?.number ?? head.number) - 1;
  if (through < oldest.number || through <= (await announcedThrough(audit))) return;
  await events.appendEvent({
    type: "audit_purged",
    userId: null,
    through,
    at: now,
    origin: { ip: null, userAgent: null },
  });
}

/** Removes the entries that the log says may be removed, in small steps. */
export async function purgeAudit(options: {
  readonly audit: Store["audit"];
  readonly signal: AbortSignal;
}): Promise<void> {
  const { audit, signal } = options;
  const through = await announcedThrough(audit);
  while (through > 0 && !signal.aborted) {
    if ((await audit.removeEntries(through, BATCH)) < BATCH) return;
  }
}

async function announcedThrough(audit: Store["audit"]): Promise<number> {
  const [newest] = await audit.listEntries({ types: ["audit_purged"], before: Number.MAX_SAFE_INTEGER, limit: 1 });
  if (newest === undefined) return 0;
  const { through } = JSON.parse(newest.content) as { readonly through: number };
  // Whatever it says, it is not to remove itself.
  return Math.min(through, newest.number - 1);
}
