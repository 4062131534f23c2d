import type { LimitResult } from '@portcullis/guard'

const seconds = (ms: number): number => Math.max(0, Math.ceil(ms / 1000))

/** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers): what is left, and of what. */
export const limitHeaders = (limit: LimitResult): Record<string, string> => {
  const name = `"${limit.policy.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '_')}"`
  const window = limit.windowMs === undefined ? '' : `;w=${seconds(limit.windowMs)}`
  return {
    ratelimit: `${name};r=${Math.max(0, Math.floor(limit.remaining))};t=${seconds(limit.allowed ? limit.resetMs : limit.retryAfterMs)}`,
    'ratelimit-policy': `${name};q=${limit.limit}${window}`,
  }
}
