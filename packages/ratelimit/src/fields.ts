import { RateLimitError } from './errors.ts'
import type { Limit, RateLimitResult } from './types.ts'

/** The header fields of draft-ietf-httpapi-ratelimit-headers-11. */
export interface RateLimitFields {
  readonly RateLimit: string
  readonly 'RateLimit-Policy': string
}

/** Units of a quota that the draft registers (section 10.3). */
export type QuotaUnit = 'requests' | 'content-bytes' | 'concurrent-requests'

export interface RateLimitFieldsOptions {
  /** Unit of the quota. Left out: the draft's default, requests. Limits of `policies` with the algorithm `concurrency` count `concurrent-requests` anyway. */
  readonly quotaUnit?: QuotaUnit
  /** Partition key, sent as a byte sequence. It is shown to the client: give nothing secret. */
  readonly partitionKey?: Uint8Array
  /**
   * The limits that were asked, as the limiter was made with them. `RateLimit-Policy` then names them all and stays the same from answer to answer, whichever
   * limit decides; those in mode `shadow` are left out. Without it only the limit of each result is named.
   */
  readonly policies?: readonly Limit[]
}

const units: readonly unknown[] = ['requests', 'content-bytes', 'concurrent-requests'] satisfies QuotaUnit[]

/** What to write in `Retry-After`: whole seconds, rounded up, at least 1 when refused and 0 when allowed. */
export function retryAfterSec(result: Pick<RateLimitResult, 'allowed' | 'retryAfterMs'>): number {
  return result.allowed ? 0 : Math.max(1, Math.ceil(result.retryAfterMs / 1000))
}

/**
 * The structured fields (RFC 9651 lists of strings) for one or more results: `RateLimit: "name";r=0;t=12` and `RateLimit-Policy: "name";q=100;w=60`.
 * `t` never lies after what `retryAfterSec` says, and `r` over `t` is never more than `q` over `w` (sections 6 and 8.5 of the draft). Concurrent requests have neither
 * `w` nor `t`: a slot is free when somebody's request ends. Results without a policy are left out; of several for one policy the first counts. A field without
 * members is empty and must not be sent.
 * @throws RateLimitError ERR_RATELIMIT_OPTIONS for an unknown field or unit
 */
export function rateLimitFields(
  results: RateLimitResult | readonly RateLimitResult[],
  options: RateLimitFieldsOptions = {},
): RateLimitFields {
  const { quotaUnit, partitionKey, policies = [] } = readOptions(options)
  const partition = partitionKey === undefined ? '' : `;pk=:${Buffer.from(partitionKey).toString('base64')}:`
  const isConcurrency = (name: string): boolean =>
    quotaUnit === 'concurrent-requests' ||
    policies.some((policy) => policy.name === name && policy.algorithm === 'concurrency')

  const policyOf = (name: string, quota: number, windowMs: number): string => {
    const unit = isConcurrency(name) ? 'concurrent-requests' : quotaUnit
    const window = unit === 'concurrent-requests' ? '' : `;w=${windowSec(windowMs)}`
    return `${quoted(name)};q=${quota}${window}${unit === undefined ? '' : `;qu=${quoted(unit)}`}${partition}`
  }

  const states = new Map<string, string>()
  const named = new Map<string, string>()
  for (const { name, limit, windowMs, mode } of policies) {
    if (mode !== 'shadow') named.set(name, policyOf(name, limit, windowMs))
  }
  for (const result of Array.isArray(results)
    ? (results as readonly RateLimitResult[])
    : [results as RateLimitResult]) {
    const { policy, limit, windowMs } = result
    if (policy === '' || states.has(policy)) continue
    states.set(
      policy,
      `${quoted(policy)}${isConcurrency(policy) ? `;r=${left(result)}` : available(result)}${partition}`,
    )
    if (!named.has(policy)) named.set(policy, policyOf(policy, limit, windowMs))
  }
  return { RateLimit: [...states.values()].join(', '), 'RateLimit-Policy': [...named.values()].join(', ') }
}

function readOptions(options: RateLimitFieldsOptions): RateLimitFieldsOptions {
  for (const key of Object.keys(options)) {
    if (key === 'quotaUnit' || key === 'partitionKey' || key === 'policies') continue
    throw new RateLimitError('ERR_RATELIMIT_OPTIONS', `unknown field ${JSON.stringify(key)}`)
  }
  checkUnit(options.quotaUnit)
  return options
}

export function checkUnit(unit: unknown): void {
  if (unit === undefined || units.includes(unit)) return
  throw new RateLimitError('ERR_RATELIMIT_OPTIONS', `quotaUnit must be one of ${units.join(', ')}`)
}

const left = (result: RateLimitResult): number => Math.max(0, result.remaining)

/** Whole seconds, and never 0 (section 3.1.3). */
const windowSec = (windowMs: number): number => Math.max(1, Math.ceil(windowMs / 1000))

/** Whoever spends what is available evenly over `t` must not be faster than the policy: `t` grows, or where it is the retry time `r` shrinks. */
function available(result: RateLimitResult): string {
  const quota = result.limit
  const window = windowSec(result.windowMs)
  const units = left(result)
  if (result.allowed) {
    return `;r=${units};t=${Math.max(Math.ceil(result.resetMs / 1000), Math.ceil((units * window) / quota))}`
  }
  const untilSec = retryAfterSec(result)
  return `;r=${Math.min(units, Math.floor((untilSec * quota) / window))};t=${untilSec}`
}

/** RFC 9651 section 3.3.3. Names are checked when a limiter is made; whatever else comes here is escaped all the same. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`
}
