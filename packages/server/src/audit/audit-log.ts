import { setImmediate } from "node:timers/promises";

import type { KeyChangeContext } from "../keys/key-changes.ts";
import type { AuditFilter, AuditLink, AuditRow } from "../ports/audit-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { RecordedEvent } from "../ports/event-log.ts";
import type { KeySealer } from "../ports/key-sealer.ts";
import type { Store } from "../ports/store.ts";
import { createCheckpointReader, signCheckpoint } from "./checkpoint.ts";
import type { AuditVerdict } from "./verify-chain.ts";
import { verifyChain } from "./verify-chain.ts";

/** One entry of the audit log. */
export interface AuditEntry extends AuditLink {
  readonly event: RecordedEvent;
  /** The event as the hash covers it: JSON in printable ASCII. */
  readonly content: string;
}

export interface AuditListQuery extends AuditFilter {
  /** Those before this number. */
  readonly before?: number | undefined;
  /** At most so many, 1 to 1000. Default 50. */
  readonly limit?: number | undefined;
}

/** What happened, in an order that cannot be changed unnoticed. Entries follow their events within seconds. */
export interface AuditLog {
  /** Newest first. The number of the last one is where the next page begins (`before`). */
  list(query?: AuditListQuery): Promise<readonly AuditEntry[]>;
  /** Oldest first, all of them, a page at a time; those that come meanwhile, too. */
  export(filter?: AuditFilter): AsyncGenerator<AuditEntry, void>;
  /**
   * Checks every entry that is kept, against each other and against checkpoints.
   *
   * @param options.checkpoints that were kept where nobody who can write the database could have changed them
   * @param options.onProgress called now and then with the number of entries checked
   */
  verify(options?: {
    readonly checkpoints?: readonly string[];
    readonly onProgress?: (entries: number) => void;
  }): Promise<AuditVerdict>;
  /** The newest entry's number and hash, signed (a compact JWS), to be kept elsewhere; the store keeps it as well. */
  checkpoint(): Promise<string>;
}

export interface AuditLogOptions {
  readonly store: Pick<Store, "audit" | "keys">;
  /** Asked for where a checkpoint is signed or checked, and not before. */
  readonly openSealer: () => Promise<KeySealer>;
  readonly clock: Clock;
}

const PAGE = 500;
const MAX_LIMIT = 1_000;

/** The audit log in a store: for an authority, and for who looks at its store from outside. */
export function createAuditLog({ store: { audit, keys }, openSealer, clock }: AuditLogOptions): AuditLog {
  const keyContext = async (): Promise<KeyChangeContext> => ({ store: keys, sealer: await openSealer(), clock });
  return {
    async list({ before = Number.MAX_SAFE_INTEGER, limit = 50, ...filter } = {}) {
      const bounded = Math.min(Math.max(Math.trunc(limit), 1), MAX_LIMIT);
      return (await audit.listEntries({ ...filter, before, limit: bounded })).map(entryOf);
    },

    async *export(filter = {}) {
      let after = 0;
      for (;;) {
        const rows: readonly AuditRow[] = await audit.listEntries({ ...filter, after, limit: PAGE });
        for (const row of rows) yield entryOf(row);
        const last = rows.at(-1);
        if (last === undefined || rows.length < PAGE) return;
        after = last.number;
        await setImmediate();
      }
    },

    async verify({ checkpoints = [], onProgress = () => undefined } = {}) {
      const readCheckpoint = await createCheckpointReader(await keyContext());
      return verifyChain({ audit, readCheckpoint, checkpoints, onProgress });
    },

    async checkpoint() {
      const state = await audit.readState();
      const jws = await signCheckpoint(await keyContext(), state);
      if (state.head.number > state.base.number) await audit.putCheckpoint({ number: state.head.number, jws });
      return jws;
    },
  };
}

function entryOf({ number, hash, content }: AuditRow): AuditEntry {
  return { number, hash, content, event: JSON.parse(content) as RecordedEvent };
}
