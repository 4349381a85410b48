import type { RunExclusive } from "../core/ports.ts";

/**
 * Where the credentials of one client are kept, shared by all processes of its user: a numbered sequence of states, of which
 * the newest counts. It never looks inside.
 */
export interface TokenStore {
  /** The newest state; `undefined` before the first. */
  readonly read: () => StoredState | undefined;
  /**
   * Compare and set: makes the text the successor of that revision (0 before the first), whole and durable, exactly if no
   * other process has been first. `true`: the text was the newest state. `false`: read again and decide anew; where others
   * have gone on from the text already, that is `false`, too.
   */
  readonly replace: (revision: number, text: string) => boolean;
  /** One process at a time where it can be had; saves requests, and nothing depends on it. */
  readonly runExclusive?: RunExclusive;
}

export interface StoredState {
  readonly revision: number;
  readonly text: string;
}
