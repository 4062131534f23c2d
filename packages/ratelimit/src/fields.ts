import { RateLimitError } from './errors.ts'
import type { RateLimitResult } from './types.ts'

/** The header fields of draft-ietf-httpapi-ratelimit-headers. */
export interface RateLimitFields {
  readonly RateLimit: string
  readonly 'RateLimit-Policy': string
}

export interface RateLimitFieldsOptions {
  /** Unit of the quota as the draft registers it (`requests`, `content-bytes`, `concurrent-requests`). Left out: the draft's default, requests. */
  readonly quotaUnit?: 'requests' | 'content-bytes' | 'concurrent-requests'
  /** Partition key, sent as a byte sequence. It is shown to the client: give nothing secret. */
  readonly partitionKey?: Uint8Array
}

/** What to write in `Retry-After`: whole seconds, rounded up, at least 1 when refused and 0 when allowed. */
export function retryAfterSec(result: Pick<RateLimitResult, 'allowed' | 'retryAfterMs'>): number {
  return result.allowed ? 0 : Math.max(1, Math.ceil(result.retryAfterMs / 1000))
}

/**
 * The structured fields (RFC 9651 lists) for one or more results: `RateLimit: "name";r=0;t=12` and `RateLimit-Policy: "name";q=100;w=60`.
 * `t` never lies after what `retryAfterSec` says. Results without a policy are left out; of several for one policy the first counts.
 */
export function rateLimitFields(
  results: RateLimitResult | readonly RateLimitResult[],
  options: RateLimitFieldsOptions = {},
): RateLimitFields {
  for (const key of Object.keys(options)) {
    if (key === 'quotaUnit' || key === 'partitionKey') continue
    throw new RateLimitError('ERR_RATELIMIT_OPTIONS', `unknown field ${JSON.stringify(key)}`)
  }
  const { quotaUnit, partitionKey } = options
  const unit = quotaUnit === undefined ? '' : `;qu=${quoted(quotaUnit)}`
  const partition = partitionKey === undefined ? '' : `;pk=:${Buffer.from(partitionKey).toString('base64')}:`
  const states: string[] = []
  const policies: string[] = []
  const seen = new Set<string>()
  for (const result of Array.isArray(results)
    ? (results as readonly RateLimitResult[])
    : [results as RateLimitResult]) {
    if (result.policy === '' || seen.has(result.policy)) continue
    seen.add(result.policy)
    const name = quoted(result.policy)
    const windowSec = Math.max(1, Math.ceil(result.windowMs / 1000))
    const untilSec = result.allowed ? Math.ceil(result.resetMs / 1000) : retryAfterSec(result)
    states.push(`${name};r=${Math.max(0, result.remaining)};t=${untilSec}${partition}`)
    policies.push(`${name};q=${result.limit};w=${windowSec}${unit}${partition}`)
  }
  return { RateLimit: states.join(', '), 'RateLimit-Policy': policies.join(', ') }
}

/** RFC 9651 section 3.3.3. Names are checked when a limiter is made; whatever else comes here is escaped all the same. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`
}
