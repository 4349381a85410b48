import type { DatabaseSync } from "node:sqlite";

import type { transaction } from "./connection.ts";

/**
 * Group commit: what is asked for within one turn of the event loop shares one transaction. Most of what a small
 * transaction costs is its beginning and its end.
 */
export interface TurnBatch {
  /** Runs the work, which must be synchronous; answers once it has been committed. */
  add<Result>(work: () => Result): Promise<Result>;
  /** Runs what waits, now. */
  flush(): void;
}

interface Waiting {
  /** Runs the work, and answers what settles its promise. */
  readonly run: () => () => void;
  readonly reject: (error: unknown) => void;
}

/** For work that may wait a little: while a commit waits for the disk nobody is answered, so it must not be begun all the time. */
export interface Pace {
  /** What part of all time the commits may take, from 0 to 1… */
  readonly maxShare: number;
  /** …unless something has waited so long, in milliseconds. */
  readonly maxPauseMs: number;
}

/** @param together what the work shares: a transaction, or a snapshot */
export function createTurnBatch(
  database: DatabaseSync,
  together: typeof transaction,
  { maxShare, maxPauseMs }: Pace = { maxShare: 1, maxPauseMs: 0 },
): TurnBatch {
  let waiting: Waiting[] = [];
  let mayBeginAt = 0;

  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    const begun = performance.now();
    commit(database, together, batch);
    const ended = performance.now();
    mayBeginAt = ended + Math.min(maxPauseMs, (ended - begun) * (1 / maxShare - 1));
  };

  return {
    add(work) {
      return new Promise((resolve, reject) => {
        // The check phase comes once all requests that arrived in this turn have been read.
        if (waiting.length === 0) {
          const pauseMs = mayBeginAt - performance.now();
          if (pauseMs > 1) setTimeout(flush, pauseMs);
          else setImmediate(flush);
        }
        waiting.push({
          run() {
            const result = work();
            return () => resolve(result);
          },
          reject,
        });
      });
    },
    flush,
  };
}

/** Commits all in one transaction; nobody is answered before that is done. */
function commit(database: DatabaseSync, together: typeof transaction, batch: readonly Waiting[]): void {
  let breaker: Waiting | undefined;
  let settlements: readonly (() => void)[];
  try {
    settlements = together(database, () =>
      batch.map((one) => {
        try {
          return one.run();
        } catch (error) {
          // A statement that fails undoes itself and leaves the transaction be, but for a few errors that end that too.
          if (database.isTransaction) return () => one.reject(error);
          breaker = one;
          throw error;
        }
      }),
    );
  } catch (error) {
    if (breaker === undefined) {
      for (const { reject } of batch) reject(error);
      return;
    }
    breaker.reject(error);
    const others = batch.filter((one) => one !== breaker);
    if (others.length > 0) commit(database, together, others);
    return;
  }
  for (const settle of settlements) settle();
}
