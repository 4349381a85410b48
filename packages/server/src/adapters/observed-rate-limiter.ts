import type { Observer } from "../ports/observer.ts";
import type { RateLimiter } from "../ports/rate-limiter.ts";

/** A rate limiter whose refusals are counted, by the limit's name. */
export function observeRateLimiter(limiter: RateLimiter, observer: Observer): RateLimiter {
  return {
    async take(limit, key) {
      const retryAfterSeconds = await limiter.take(limit, key);
      if (retryAfterSeconds !== undefined) observer.count({ kind: "rate_limited", limit: limit.name });
      return retryAfterSeconds;
    },
    giveBack: (limit, key) => limiter.giveBack(limit, key),
    reset: (limit, key) => limiter.reset(limit, key),
  };
}
