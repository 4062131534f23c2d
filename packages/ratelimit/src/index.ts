export { RateLimitError, type RateLimitErrorCode } from './errors.ts'
export { type RateLimitFields, type RateLimitFieldsOptions, rateLimitFields, retryAfterSec } from './fields.ts'
export { createRateLimiter } from './limiter.ts'
export type {
  CheckOptions,
  RateLimiter,
  RateLimiterOptions,
  RateLimitResult,
  RefundOptions,
  WindowLimit,
} from './types.ts'
