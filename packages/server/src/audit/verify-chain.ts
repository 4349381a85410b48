import { setImmediate } from "node:timers/promises";

import type { AuditLink, AuditRow, AuditState, AuditStore } from "../ports/audit-store.ts";
import type { RecordedEvent } from "../ports/event-log.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { columnsOf, hashEntry } from "./entry.ts";

/** What became of checking a log. */
export type AuditVerdict = AuditIntact | AuditFault;

export interface AuditIntact {
  readonly intact: true;
  /** How many entries have been checked. */
  readonly entries: number;
  /** The first that is kept, and the last; 0 in an empty log. */
  readonly first: number;
  readonly last: number;
  /** The newest entry that a checkpoint covers: up to here nobody can have rewritten the log without the authority's key. */
  readonly coveredThrough: number;
}

export interface AuditFault {
  readonly intact: false;
  /** The first entry that is not as it was. */
  readonly number: number;
  readonly fault:
    /** What it says, or its hash, was changed; or it is another entry in its place. */
    | "altered"
    /** It is gone. */
    | "missing"
    /** It was rewritten with all that follows: it, or one after it up to the checkpoint named. */
    | "rewritten"
    /** A checkpoint of this number was not signed by this authority, or is of another log. */
    | "false_checkpoint";
  readonly description: string;
}

export interface VerifyOptions {
  readonly audit: AuditStore;
  readonly readCheckpoint: (jws: string) => Checkpoint | undefined;
  /** Checkpoints that were kept elsewhere. */
  readonly checkpoints: readonly string[];
  readonly onProgress: (entries: number) => void;
}

const PAGE = 2_000;

/** Checks every entry that is kept, and every checkpoint, those in the store and those given. */
export async function verifyChain(options: VerifyOptions): Promise<AuditVerdict> {
  for (;;) {
    const state = await options.audit.readState();
    const verdict = await verifyFrom(state, options);
    if (verdict.intact) return verdict;
    // Entries that outlived their time may have been removed meanwhile.
    const { base } = await options.audit.readState();
    if (base.number === state.base.number) return verdict;
  }
}

async function verifyFrom(state: AuditState, options: VerifyOptions): Promise<AuditVerdict> {
  const { base, head } = state;
  const checkpoints = await collectCheckpoints(state, options);
  if ("intact" in checkpoints) return checkpoints;
  if (base.number === 0 && base.hash !== state.logId) return altered(1, "the beginning of the log was changed");

  let previous = base;
  let purgedThrough = 0;
  let coveredThrough = 0;
  for (;;) {
    const rows = await options.audit.listEntries({ after: previous.number, limit: PAGE });
    for (const row of rows) {
      const fault = faultOf(row, previous);
      if (fault !== undefined) return fault;
      for (const { hash } of checkpoints.get(row.number) ?? []) {
        if (hash !== row.hash) return rewritten(Math.max(coveredThrough, base.number) + 1, row.number);
        coveredThrough = row.number;
      }
      if (row.type === "audit_purged") purgedThrough = Math.max(purgedThrough, throughOf(row));
      previous = row;
    }
    options.onProgress(previous.number - base.number);
    if (rows.length < PAGE) break;
    await setImmediate();
  }

  if (previous.number < head.number) return missing(previous.number + 1);
  // What has been appended meanwhile has moved the head along.
  if (previous.number > (await options.audit.readState()).head.number) {
    return altered(head.number + 1, "the log's own note says that it ends before");
  }
  if (previous.number === head.number && previous.hash !== head.hash) {
    return altered(head.number, "the log's own note of its newest entry names another hash");
  }
  if (base.number > purgedThrough)
    return missing(1, `no entry says that those up to ${base.number} were to be removed`);
  const beyond = Math.max(...checkpoints.keys());
  if (beyond > previous.number) return missing(previous.number + 1, `a checkpoint covers entries up to ${beyond}`);
  const entries = previous.number - base.number;
  return { intact: true, entries, first: entries === 0 ? 0 : base.number + 1, last: previous.number, coveredThrough };
}

/** By their numbers; those of entries that are no longer kept say nothing any more. */
async function collectCheckpoints(
  { logId, base }: AuditState,
  { audit, readCheckpoint, checkpoints: given }: VerifyOptions,
): Promise<Map<number, Checkpoint[]> | AuditFault> {
  const collected = new Map<number, Checkpoint[]>();
  for (const { number, jws } of await audit.listCheckpoints()) {
    const checkpoint = readCheckpoint(jws);
    if (checkpoint?.logId !== logId || checkpoint.number !== number) return falseCheckpoint(number, "in the database");
    collected.set(number, [checkpoint]);
  }
  for (const jws of given) {
    const checkpoint = readCheckpoint(jws);
    if (checkpoint === undefined) return falseCheckpoint(0, "given was not signed with this authority's audit key");
    const { number } = checkpoint;
    if (checkpoint.logId !== logId) return falseCheckpoint(number, "given is of another log");
    collected.set(number, [...(collected.get(number) ?? []), checkpoint]);
  }
  for (const number of collected.keys()) if (number <= base.number) collected.delete(number);
  return collected;
}

function faultOf(row: AuditRow, previous: AuditLink): AuditFault | undefined {
  if (row.number !== previous.number + 1) return missing(previous.number + 1);
  if (row.hash !== hashEntry(previous.hash, row.number, row.content)) {
    return altered(row.number, "its hash does not follow from what it says and from the entry before it");
  }
  const said = parse(row.content);
  if (said === undefined) return altered(row.number, "it holds no event");
  const found = columnsOf(said);
  const isSame = (Object.keys(found) as (keyof typeof found)[]).every((column) => found[column] === row[column]);
  return isSame ? undefined : altered(row.number, "what it is found by is not what it says");
}

function parse(content: string): RecordedEvent | undefined {
  try {
    return JSON.parse(content) as RecordedEvent;
  } catch {
    return undefined;
  }
}

function throughOf({ content }: AuditRow): number {
  const event = parse(content);
  return event?.type === "audit_purged" ? event.through : 0;
}

function altered(number: number, description: string): AuditFault {
  return { intact: false, number, fault: "altered", description: `Entry ${number} was altered: ${description}.` };
}

function missing(number: number, why?: string): AuditFault {
  const description = `Entry ${number} is missing${why === undefined ? "" : `: ${why}`}.`;
  return { intact: false, number, fault: "missing", description };
}

function rewritten(number: number, checkpoint: number): AuditFault {
  const description = `The log was rewritten, from entry ${number} on or later: the checkpoint of entry ${checkpoint} names another hash.`;
  return { intact: false, number, fault: "rewritten", description };
}

function falseCheckpoint(number: number, why: string): AuditFault {
  const name = number === 0 ? "A checkpoint" : `A checkpoint of entry ${number}`;
  const description = why === "in the database" ? `${name} ${why} is false.` : `${name} ${why}.`;
  return { intact: false, number, fault: "false_checkpoint", description };
}
