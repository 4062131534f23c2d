export { RateLimitError, type RateLimitErrorCode } from './errors.ts'
export { type RateLimitFields, type RateLimitFieldsOptions, rateLimitFields, retryAfterSec } from './fields.ts'
export { type HeldLease, holdLease, type LeaseKeeper } from './lease.ts'
export { createRateLimiter } from './limiter.ts'
export type {
  CheckOptions,
  ConcurrencyLimit,
  GcraLimit,
  Lease,
  LeaseOptions,
  Limit,
  RateLimiter,
  RateLimiterEvent,
  RateLimiterOptions,
  RateLimiterStats,
  RateLimitResult,
  RefundOptions,
  SettleOptions,
  WindowLimit,
} from './types.ts'
