import type { IRateLimiterOptions, RateLimiterAbstract } from "rate-limiter-flexible";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

import type { RateLimit, RateLimiter } from "../ports/rate-limiter.ts";
import { withinDeadline } from "./deadline.ts";

/** How long a count may take, in milliseconds. Past that it is an error, and so the request is refused: never let through. */
const COUNT_TIMEOUT_MS = 3_000;

/** Counts in this process's memory, for one node: a restart forgets, and several nodes each count for themselves. */
export function createMemoryRateLimiter(): RateLimiter {
  return createFlexibleRateLimiter((options) => new RateLimiterMemory(options));
}

/**
 * A rate limiter of `rate-limiter-flexible`, which has one object for each limit. What is given back when its window is about to end is kept:
 * on its way it might come to count in the next.
 */
export function createFlexibleRateLimiter(open: (options: IRateLimiterOptions) => RateLimiterAbstract): RateLimiter {
  const opened = new Map<string, RateLimiterAbstract>();
  const limiterOf = ({ name, points, windowSeconds }: RateLimit): RateLimiterAbstract => {
    const id = `${name} ${points}`;
    const found = opened.get(id) ?? open({ keyPrefix: `latchkey-${name}`, points, duration: windowSeconds });
    opened.set(id, found);
    return found;
  };

  const counted = <T>(count: Promise<T>): Promise<T> =>
    withinDeadline(count, COUNT_TIMEOUT_MS, "What is rate-limited could not be counted in time.");

  return {
    async take(limit, key) {
      // By the clock that the library counts by. The window ends no sooner than so long after this moment.
      const askedAt = Date.now();
      try {
        const { msBeforeNext } = await counted(
          limiterOf(limit).consume(key, 1, { customDuration: limit.windowSeconds }),
        );
        return {
          async giveBack() {
            if (Date.now() >= askedAt + msBeforeNext - COUNT_TIMEOUT_MS) return;
            await counted(limiterOf(limit).reward(key, 1, { customDuration: limit.windowSeconds }));
          },
        };
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000));
        throw refusal;
      }
    },

    async count(limit, key) {
      const found = await counted(limiterOf(limit).get(key));
      if (found === null || found.msBeforeNext <= 0) return { taken: 0, secondsLeft: limit.windowSeconds };
      return { taken: found.consumedPoints, secondsLeft: Math.max(1, Math.ceil(found.msBeforeNext / 1_000)) };
    },

    async reset(limit, key) {
      await counted(limiterOf(limit).delete(key));
    },
  };
}
