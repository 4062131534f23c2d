import type { Policy } from '@portcullis/authz'
import { createRateLimiter, type RateLimiter } from '@portcullis/ratelimit'
import type { Settings } from './config/settings.ts'

/** One limiter for everything that is counted: the limits by kind of principal, and those that policy rules declare. */
export const createLimits = ({ rateLimit }: Settings, policy: Policy): RateLimiter =>
  createRateLimiter({
    limits: [
      ...(['anonymous', 'api_key'] as const).map((name) => ({
        name,
        algorithm: 'window' as const,
        limit: rateLimit[name].requests,
        windowMs: rateLimit[name].windowMs,
      })),
      ...policy.limits.map((limit) => ({ ...limit, algorithm: 'window' as const })),
    ],
  })
