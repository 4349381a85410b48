import { randomUUID } from "node:crypto";

import { startRepeatedTask } from "../adapters/repeated-task.ts";
import type { KeySealer } from "../ports/key-sealer.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { Store } from "../ports/store.ts";
import { createAuditLog } from "./audit-log.ts";
import { writeChain } from "./chain-writer.ts";
import { createCheckpointReader } from "./checkpoint.ts";
import { announcePurge, purgeAudit, purgeOutbox } from "./retention.ts";

/** Keeps the audit log: writes it, signs its head now and then, and removes what has outlived its time. */
export interface AuditKeeper {
  close(): Promise<void>;
}

export interface AuditKeeperOptions {
  readonly store: Store;
  readonly sealer: KeySealer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retentionDays: number;
}

/** How often the outbox is looked at, in milliseconds. */
const WRITE_MS = 1_000;

/** How long a node has the work without saying so again, in milliseconds: another one takes over so long after it has died. */
const LEASE_MS = 10_000;

/** How often to look for what has outlived its time, in milliseconds. */
const RETENTION_MS = 600_000;

/** How old the newest checkpoint may be, in seconds, where there are newer entries. */
const CHECKPOINT_SECONDS = 3_600;

const NAME = "audit-log";

/** One node of all keeps the log; which one, a lease decides. */
export function startAuditKeeper(options: AuditKeeperOptions): AuditKeeper {
  const { store, sealer, clock, logger, retentionDays } = options;
  const log = createAuditLog({ store, openSealer: async () => sealer, clock });
  const holder = randomUUID();
  let claimedAt = -LEASE_MS;
  let retainedAt = -RETENTION_MS;
  let checkpointedAt: number | undefined;

  const isOurs = async (): Promise<boolean> => {
    const now = performance.now();
    if (now - claimedAt < LEASE_MS / 2) return true;
    if ((await store.consumers.claim({ name: NAME, holder, leaseMs: LEASE_MS, startAt: 0 })) === undefined)
      return false;
    claimedAt = now;
    return true;
  };

  const signNowAndThen = async (): Promise<void> => {
    const now = clock();
    checkpointedAt ??= (await newestCheckpoint({ store, sealer })) ?? now;
    if (now - checkpointedAt < CHECKPOINT_SECONDS) return;
    await log.checkpoint();
    checkpointedAt = now;
  };

  const retain = async (signal: AbortSignal): Promise<void> => {
    const { audit, events } = store;
    await purgeOutbox({ audit, events, clock, signal });
    await purgeAudit({ audit, signal });
    await announcePurge({ audit, events, clock, retentionDays });
  };

  const task = startRepeatedTask({
    name: "the audit log",
    logger,
    firstMs: WRITE_MS,
    retryMs: WRITE_MS * 5,
    async work(signal) {
      if (!(await isOurs())) return LEASE_MS / 2;
      const written = await writeChain({ store, clock, logger });
      if (written > 0) await signNowAndThen();
      if (performance.now() - retainedAt >= RETENTION_MS) {
        await retain(signal);
        retainedAt = performance.now();
      }
      return WRITE_MS;
    },
  });

  return {
    async close() {
      await task.close();
      if (claimedAt < 0) return;
      // Whoever cannot be told waits until the lease is over.
      await store.consumers.release({ name: NAME, holder }).catch(() => undefined);
    },
  };
}

async function newestCheckpoint({
  store,
  sealer,
}: Pick<AuditKeeperOptions, "store" | "sealer">): Promise<number | undefined> {
  const newest = (await store.audit.listCheckpoints()).at(-1);
  if (newest === undefined) return undefined;
  const read = await createCheckpointReader({ store: store.keys, sealer });
  return read(newest.jws)?.at;
}
