import { createLimiterOverRedis } from './redis-limiter.ts'
import type { RedisRateLimiter, RedisRateLimiterOptions } from './redis-types.ts'

export { RateLimitError, type RateLimitErrorCode } from './errors.ts'
export type {
  RedisClientLike,
  RedisRateLimiter,
  RedisRateLimiterEvent,
  RedisRateLimiterOptions,
  RedisRateLimiterStats,
} from './redis-types.ts'

/**
 * Makes a limiter that any number of processes share through Redis 6 or later, or Valkey: one round trip for all checks of a turn of the event loop, each atomic,
 * by the server's clock. Returns at once; the first checks wait for the connection.
 * @throws RateLimitError ERR_RATELIMIT_OPTIONS for an option that is unknown or malformed, plain text to a host beyond loopback, or ioredis that is not installed
 */
export function createRedisRateLimiter(options: RedisRateLimiterOptions): RedisRateLimiter {
  return createLimiterOverRedis(options)
}
