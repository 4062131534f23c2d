export { RateLimitError, type RateLimitErrorCode } from './errors.ts'
export {
  type QuotaUnit,
  type RateLimitFields,
  type RateLimitFieldsOptions,
  rateLimitFields,
  retryAfterSec,
} from './fields.ts'
export type { HttpLimiter, HttpLimitOptions } from './http/decide.ts'
export { type LimitFetchOptions, limitFetch } from './http/fetch.ts'
export { addressKey } from './http/key.ts'
export { type LimitRequests, type LimitRequestsOptions, limitRequests } from './http/node.ts'
export { problemDetails, type QuotaExceededProblem } from './http/problem.ts'
