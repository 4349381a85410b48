/**
 * `@latchkey/server/redis`: sessions in Redis 7 or newer, or Valkey. Apart from the root entry, so that only who uses it
 * needs `ioredis`. What a server must be configured to keep, and what it costs, is in docs/stores-redis.md.
 *
 * @module
 */
export { createRedisRateLimiter } from "./rate-limiter.ts";
export { SessionsInDoubtError } from "./announced-ending.ts";
export type { RedisClient } from "./client.ts";
export { combineStores } from "./combine-stores.ts";
export { createRedisDenylist } from "./denylist.ts";
export type { RedisDenylistOptions } from "./denylist.ts";
export { createRedisSessionStore } from "./redis-session-store.ts";
export type { RedisSessionStore, RedisSessionStoreOptions } from "./redis-session-store.ts";
export type { RedisSessionStoreSettings } from "./settings.ts";
