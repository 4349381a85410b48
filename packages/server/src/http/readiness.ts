import type { Logger } from "../ports/logger.ts";

/** Why no requests should be sent here for now. */
export type UnreadyReason = "keys_unavailable" | "revocations_unavailable" | "stopping" | "store_unavailable";

/** Whether this node can do its work. */
export interface Readiness {
  /** Empty: it can. Answers within {@link CHECK_TIMEOUT_MS}, and asks the parts at most once a second however often it is asked. */
  reasons(): Promise<readonly UnreadyReason[]>;
  /** From now on it is not ready. */
  stop(): void;
}

/** Each rejects or throws where its part cannot do its work. */
export interface ReadinessOptions {
  readonly checks: Readonly<Record<Exclude<UnreadyReason, "stopping">, () => void | Promise<void>>>;
  readonly logger: Logger;
}

/** How long a part may take to answer, in milliseconds: shorter than probes usually wait. */
const CHECK_TIMEOUT_MS = 900;

/** For how long an answer is good, in milliseconds. */
const FRESH_MS = 1_000;

export function createReadiness({ checks, logger }: ReadinessOptions): Readiness {
  const parts = Object.entries(checks).map(([reason, check]) => createPart(reason as UnreadyReason, check, logger));
  let known: readonly UnreadyReason[] = [];
  let knownAt = -Infinity;
  let asking: Promise<readonly UnreadyReason[]> | undefined;
  let isStopping = false;

  const ask = async (): Promise<readonly UnreadyReason[]> => {
    const answers = await Promise.all(parts.map(async (part) => ((await part.isWell()) ? [] : [part.reason])));
    const reasons = answers.flat();
    if (reasons.join() !== known.join()) {
      if (reasons.length === 0) logger.info({}, "ready again");
      else logger.warn({ reasons }, "not ready");
    }
    known = reasons;
    knownAt = performance.now();
    return reasons;
  };

  return {
    async reasons() {
      if (isStopping) return ["stopping"];
      if (performance.now() - knownAt < FRESH_MS) return known;
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return asking;
    },
    stop() {
      isStopping = true;
    },
  };
}

interface Part {
  readonly reason: UnreadyReason;
  isWell(): Promise<boolean>;
}

/** A check that does not come back is not asked for again until it does: a store that hangs is not asked more and more. */
function createPart(reason: UnreadyReason, check: () => void | Promise<void>, logger: Logger): Part {
  let underWay: Promise<boolean> | undefined;
  let wasWell = true;
  const begin = (): Promise<boolean> =>
    (async () => check())()
      .then(
        () => (wasWell = true),
        (error: unknown) => {
          if (wasWell) logger.error({ err: error, reason }, "a part cannot do its work");
          return (wasWell = false);
        },
      )
      .finally(() => {
        underWay = undefined;
      });

  return {
    reason,
    async isWell() {
      underWay ??= begin();
      const tooLate = Promise.withResolvers<boolean>();
      const timer = setTimeout(() => tooLate.resolve(false), CHECK_TIMEOUT_MS);
      try {
        return await Promise.race([underWay, tooLate.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
