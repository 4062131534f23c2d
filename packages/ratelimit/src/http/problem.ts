import { retryAfterSec } from '../fields.ts'
import type { RateLimitResult } from '../types.ts'

/** RFC 9457 problem details of a refusal, by section 5.1 of draft-ietf-httpapi-ratelimit-headers-11. */
export interface QuotaExceededProblem {
  readonly type: 'https://iana.org/assignments/http-problem-types#quota-exceeded'
  readonly title: string
  readonly status: 429
  /** When to try again, for people and agents that see nothing but the body. */
  readonly detail: string
  /** Names of the limits that refused. */
  readonly 'violated-policies': readonly string[]
}

/** The body for `application/problem+json` of one refusal, or of several of one request. */
export function problemDetails(refusals: RateLimitResult | readonly RateLimitResult[]): QuotaExceededProblem {
  const results = (Array.isArray(refusals) ? refusals : [refusals]) as readonly RateLimitResult[]
  const refused = results.filter(({ allowed, policy }) => !allowed && policy !== '')
  const seconds = Math.max(1, ...refused.map(retryAfterSec))
  return {
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: 'Request cannot be satisfied as assigned quota has been exceeded',
    status: 429,
    detail: `Too many requests. Try again in ${seconds} s.`,
    'violated-policies': [...new Set(refused.map(({ policy }) => policy))],
  }
}

/** The store is down: nobody exceeded anything, so that this is no problem type of the draft (RFC 9457 section 4.2.1). */
export const unavailableProblem = (seconds: number): object => ({
  type: 'about:blank',
  title: 'Service Unavailable',
  status: 503,
  detail: `Try again in ${seconds} s.`,
})
