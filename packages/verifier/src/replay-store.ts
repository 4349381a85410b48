/**
 * Remembers which proofs have been used, so that each counts once (RFC 9449 §11.1). An API on several nodes gives them one
 * to share: with a store of its own each node would take a copied proof once.
 */
export interface ReplayStore {
  /**
   * Answers whether this call was the first for this hash: one atomic step, such as Redis's `SET … NX`. Where it cannot tell
   * it must reject, and the request is answered 503.
   */
  consume(use: ProofUse): boolean | Promise<boolean>;
}

export interface ProofUse {
  /** 43 characters of base64url. */
  readonly hash: string;
  /** The use must be remembered until then, in whole seconds since 1970… */
  readonly expiresAt: number;
  /** …which is this many seconds from now. */
  readonly lifetimeSeconds: number;
}

/** Proofs are remembered for two minutes: room for 4,000 requests a second, in some 100 MB at most. */
const MAX_USES = 500_000;

/** The store of one process. When it is full it takes no more, since whatever it forgot could be used again. */
export function createMemoryReplayStore(clock: () => number, maxUses: number = MAX_USES): ReplayStore {
  const expiryOf = new Map<string, number>();

  /** In the order they came in, which is nearly that of their expiry. */
  function forgetOver(): void {
    const now = clock();
    for (const [hash, expiresAt] of expiryOf) {
      if (expiresAt >= now) return;
      expiryOf.delete(hash);
    }
  }

  return {
    consume({ hash, expiresAt }) {
      if (expiryOf.has(hash)) return false;
      forgetOver();
      if (expiryOf.size >= maxUses)
        throw new Error(`${maxUses} proofs of the last minutes are remembered, and no more.`);
      expiryOf.set(hash, expiresAt);
      return true;
    },
  };
}
