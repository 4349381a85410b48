import { RateLimiterRedis } from "rate-limiter-flexible";

import { createFlexibleRateLimiter } from "../../adapters/flexible-rate-limiter.ts";
import type { RateLimiter } from "../../ports/rate-limiter.ts";
import type { RedisClient } from "./client.ts";

/**
 * Counts in Redis or Valkey, for all nodes together. It need not be the server of the sessions; what is counted here may be
 * forgotten.
 *
 * @param client a `Redis` or `Cluster` of ioredis, which stays yours
 */
export function createRedisRateLimiter(client: RedisClient): RateLimiter {
  return createFlexibleRateLimiter(
    // A count that cannot be made is an error, and so the request is answered 503: never is it let through uncounted.
    (options) => new RateLimiterRedis({ ...options, storeClient: client, rejectIfRedisNotReady: true }),
  );
}
