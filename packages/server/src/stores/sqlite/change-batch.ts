import type { DatabaseSync } from "node:sqlite";

import { transaction } from "./connection.ts";

/** A change that waits for its turn, and answers whether it took place. */
type Change = () => boolean;

interface Waiting {
  readonly change: Change;
  readonly resolve: (changed: boolean) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly changed: boolean } | { readonly error: unknown };

/**
 * Group commit: changes asked for within one turn of the event loop share one transaction. Most of what a small
 * transaction costs is its beginning and its end.
 */
export interface ChangeBatch {
  add(change: Change): Promise<boolean>;
  /** Runs what waits, now. */
  flush(): void;
}

export function createChangeBatch(database: DatabaseSync): ChangeBatch {
  let waiting: Waiting[] = [];

  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    if (batch.length > 0) commit(database, batch);
  };

  return {
    add(change) {
      return new Promise((resolve, reject) => {
        // The check phase comes once all requests that arrived in this turn have been read.
        if (waiting.length === 0) setImmediate(flush);
        waiting.push({ change, resolve, reject });
      });
    },
    flush,
  };
}

/** Commits all in one transaction; nobody is answered before that is done. */
function commit(database: DatabaseSync, batch: readonly Waiting[]): void {
  let breaker: Waiting | undefined;
  let outcomes: readonly Outcome[];
  try {
    outcomes = transaction(database, () =>
      batch.map((one): Outcome => {
        try {
          return { changed: one.change() };
        } catch (error) {
          // A statement that fails undoes itself and leaves the transaction be, but for a few errors that end that too.
          if (database.isTransaction) return { error };
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
    if (others.length > 0) commit(database, others);
    return;
  }
  for (const [index, outcome] of outcomes.entries()) {
    if ("changed" in outcome) batch[index]?.resolve(outcome.changed);
    else batch[index]?.reject(outcome.error);
  }
}
