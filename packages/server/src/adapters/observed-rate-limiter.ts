import type { Observer } from "../ports/observer.ts";
import type { RateLimiter } from "../ports/rate-limiter.ts";

/** A rate limiter whose refusals are counted, by the limit's name. */
export function observeRateLimiter(limiter: RateLimiter, observer: Observer): RateLimiter {
  return {
    async take(limit, key) {
      const taken = await limiter.take(limit, key);
      if (typeof taken === "number") observer.count({ kind: "rate_limited", limit: limit.name });
      return taken;
    },
    reset: (limit, key) => limiter.reset(limit, key),
  };
}
