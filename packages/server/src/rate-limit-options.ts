import { z } from "zod";

import { createMemoryRateLimiter } from "./adapters/flexible-rate-limiter.ts";
import type { RateLimits } from "./flows/rate-limits.ts";
import { DEFAULT_RATE_LIMITS } from "./flows/rate-limits.ts";
import type { RateLimit, RateLimiter } from "./ports/rate-limiter.ts";
import type { Settings } from "./settings.ts";

const DAY = 86_400;

/** At most a day: longer than that is for who sets passwords anew. */
const rateLimit = z.strictObject({ points: z.int().min(1), windowSeconds: z.int().min(1).max(DAY) });

/** Those of which both numbers may be set. */
type ConfiguredLimit =
  | "failuresPerAccount"
  | "failuresPerNetwork"
  | "signUpsPerNetwork"
  | "pushedRequestsPerNetwork"
  | "clientFailuresPerNetwork";

type ParsedRateLimits = Pick<RateLimits, "delayPerAccount" | "consecutiveFailures"> & {
  readonly limiter?: RateLimiter | undefined;
} & { readonly [limit in ConfiguredLimit]?: Omit<RateLimit, "name"> | undefined };

/** See `RateLimitOptions`. */
export const rateLimitsSchema: z.ZodType<ParsedRateLimits | false> = z
  .union([
    z.literal(false),
    z.strictObject({
      limiter: z.custom<RateLimiter>((value) => typeof value === "object" && value !== null).optional(),
      failuresPerAccount: rateLimit.optional(),
      delayPerAccount: z
        .strictObject({ afterFailures: z.int().min(2).max(1_000), seconds: z.int().min(5).max(900) })
        .default(DEFAULT_RATE_LIMITS.delayPerAccount),
      failuresPerNetwork: rateLimit.optional(),
      signUpsPerNetwork: rateLimit.optional(),
      pushedRequestsPerNetwork: rateLimit.optional(),
      clientFailuresPerNetwork: rateLimit.optional(),
      consecutiveFailures: z.int().min(5).max(100).default(DEFAULT_RATE_LIMITS.consecutiveFailures),
    }),
  ])
  .prefault({});

export function rateLimitsOf(given: ParsedRateLimits | false): Settings["rateLimits"] {
  if (given === false) return { limits: DEFAULT_RATE_LIMITS, limiter: undefined, nodeLimiter: undefined };
  const nodeLimiter = createMemoryRateLimiter();
  const { limiter = nodeLimiter, delayPerAccount, consecutiveFailures } = given;
  const withDefault = <Name extends ConfiguredLimit>(name: Name): RateLimits[Name] => ({
    ...DEFAULT_RATE_LIMITS[name],
    ...given[name],
  });
  const limits: RateLimits = {
    ...DEFAULT_RATE_LIMITS,
    failuresPerAccount: withDefault("failuresPerAccount"),
    delayPerAccount,
    failuresPerNetwork: withDefault("failuresPerNetwork"),
    signUpsPerNetwork: withDefault("signUpsPerNetwork"),
    pushedRequestsPerNetwork: withDefault("pushedRequestsPerNetwork"),
    clientFailuresPerNetwork: withDefault("clientFailuresPerNetwork"),
    consecutiveFailures,
  };
  return { limits, limiter, nodeLimiter };
}
