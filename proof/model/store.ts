import type { RefreshState } from "@latchkey/server/domain";

/** Who has been given a token that the other cannot have: past the last generation the thief's copy leads to. */
export interface Served {
  readonly honest: boolean;
  readonly thief: boolean;
  /** Whether one of them has rolled the row forward over what the other was served. */
  readonly overruled: boolean;
}

export const NOBODY_SERVED: Served = { honest: false, thief: false, overruled: false };

/** The session's row, and beside it, for the guarantees alone, whom it has served since the copy: a crash forgets both. */
export interface Row {
  readonly state: RefreshState;
  readonly served: Served;
}

/** What a rotation's compare-and-set says. */
export interface Rotation {
  readonly expected: { readonly generation: number; readonly secretHash: string };
  readonly next: Pick<
    RefreshState,
    "generation" | "secretHash" | "attempts" | "attemptKeysUsed" | "rotatedAt" | "idleExpiresAt"
  >;
}

/** What a store promises. */
export interface StoreRules {
  /** The conditional update; `undefined` where it changed nothing. */
  readonly compareAndSet: (state: RefreshState, rotation: Rotation) => RefreshState | undefined;
  /** Whether a revocation is on disk, and with it all before it, when it is answered. */
  readonly revocation: "durable" | "relaxed";
}

/** The promise of `SessionStore` in @latchkey/server. */
export const soundStore: StoreRules = {
  compareAndSet(state, { expected, next }) {
    const unchanged =
      state.generation === expected.generation && state.secretHash === expected.secretHash && state.revokedAt === null;
    return unchanged ? { ...state, ...next } : undefined;
  },
  revocation: "durable",
};
