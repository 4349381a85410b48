import { RateLimiterPostgres } from "rate-limiter-flexible";

import { createFlexibleRateLimiter } from "../../adapters/flexible-rate-limiter.ts";
import type { RateLimiter } from "../../ports/rate-limiter.ts";
import type { PostgresPool } from "./database.ts";

/**
 * Counts in PostgreSQL, for all nodes together, in the schema that the store makes at its first use.
 *
 * @param pool a `pg.Pool`, which stays yours
 */
export function createPostgresRateLimiter(pool: PostgresPool): RateLimiter {
  return createFlexibleRateLimiter(
    (options) =>
      new RateLimiterPostgres({
        ...options,
        storeClient: pool,
        storeType: "pool",
        schemaName: "latchkey",
        tableName: "rate_limit",
        tableCreated: true,
      }),
  );
}
