import { checkUnit, type QuotaUnit, rateLimitFields, retryAfterSec } from '../fields.ts'
import { type HeldLease, holdLease, type LeaseKeeper } from '../lease.ts'
import { fail, refuseUnknown } from '../options.ts'
import type { CheckOptions, Limit, RateLimitResult } from '../types.ts'
import { problemDetails, unavailableProblem } from './problem.ts'

/** Both limiters are one. */
export interface HttpLimiter extends LeaseKeeper {
  check(key: string, options?: CheckOptions): RateLimitResult | Promise<RateLimitResult>
}

export interface HttpLimitOptions<Args extends readonly unknown[]> {
  /** What `createRateLimiter` or `createRedisRateLimiter` made. */
  readonly limiter: HttpLimiter
  /** Units of a request, 0 to 2,147,483,647. Default 1. */
  readonly cost?: number | ((...args: Args) => number)
  /** Names of the limits to hold against, all at once. Default: all. */
  readonly limits?: readonly string[] | ((...args: Args) => readonly string[])
  /** The limits as the limiter was made with them, so that every answer names all of them, and those of concurrency with their unit. */
  readonly policies?: readonly Limit[]
  /** Default: requests. */
  readonly quotaUnit?: QuotaUnit
  /** Partition key for a key, shown to the client: nothing secret. Default: none. */
  readonly partitionKey?: (key: string) => Uint8Array | undefined
  /** Is told every decision, with what `settle` and `refund` need. What it throws is dropped. */
  readonly onResult?: (result: RateLimitResult, key: string, ...args: Args) => void
  /** A lease could not be kept until the answer was sent: others may be at work in its place. What it throws is dropped. */
  readonly onLeaseLost?: (key: string, ...args: Args) => void
}

export type KeyOf<Args extends readonly unknown[]> = (...args: Args) => string | undefined | Promise<string | undefined>

/** What the answer to a request gets. */
export interface Verdict {
  /** For any answer. */
  readonly fields: Readonly<Record<string, string>>
  /** When the request may not go on. */
  readonly refusal?: { readonly status: 429 | 503; readonly retryAfter: string; readonly body: string }
  /** To be released when the answer is sent. */
  readonly lease?: HeldLease
}

const known = ['limiter', 'key', 'cost', 'limits', 'policies', 'quotaUnit', 'partitionKey', 'onResult', 'onLeaseLost']
const callbacks = ['key', 'partitionKey', 'onResult', 'onLeaseLost'] as const
const none: Verdict = { fields: {} }
export const PROBLEM = 'application/problem+json'

/** Checks the options; answers what decides about a request, and throws what `key` and the limiter throw unless the store is down. */
export function createDecider<Args extends readonly unknown[]>(
  options: HttpLimitOptions<Args> & { readonly key: KeyOf<Args> },
): (...args: Args) => Promise<Verdict> {
  refuseUnknown(options, known, 'options')
  const { limiter, key: keyOf, cost = 1, limits, policies, quotaUnit, partitionKey, onResult, onLeaseLost } = options
  if (typeof limiter?.check !== 'function') fail('limiter must be a rate limiter')
  for (const name of callbacks) {
    if (options[name] !== undefined && typeof options[name] !== 'function') fail(`${name} must be a function`)
  }
  if (typeof keyOf !== 'function') fail('key must be a function that answers what a request is counted by')
  if (policies !== undefined && !Array.isArray(policies)) fail('policies must be an array of limits')
  if (limits !== undefined && typeof limits !== 'function' && !Array.isArray(limits)) fail('limits must be an array')
  checkUnit(quotaUnit)

  const fieldsOf = (result: RateLimitResult, key: string, asked: readonly string[] | undefined): Verdict['fields'] => {
    const partition = partitionKey?.(key)
    const among = policies?.filter(({ name }) => asked === undefined || asked.includes(name))
    const fields = rateLimitFields(result, {
      ...(quotaUnit === undefined ? {} : { quotaUnit }),
      ...(partition === undefined ? {} : { partitionKey: partition }),
      ...(among === undefined ? {} : { policies: among }),
    })
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''))
  }

  return async (...args) => {
    const key = await keyOf(...args)
    if (key === undefined) return none
    const asked = typeof limits === 'function' ? limits(...args) : limits
    const units = typeof cost === 'function' ? cost(...args) : cost
    let result: RateLimitResult
    try {
      result = await limiter.check(key, asked === undefined ? { cost: units } : { cost: units, limits: asked })
    } catch (error) {
      return withoutStore(error)
    }
    // Held before anything else is done that could throw.
    const lease =
      result.lease === undefined
        ? undefined
        : // Nothing of the request is kept alive for a loss that nobody is told.
          holdLease(limiter, key, result.lease, onLeaseLost ? { onLost: () => onLeaseLost(key, ...args) } : {})
    try {
      quietly(() => onResult?.(result, key, ...args))
      const fields = fieldsOf(result, key, asked)
      if (result.allowed) return lease === undefined ? { fields } : { fields, lease }
      const body = JSON.stringify(problemDetails(result))
      return { fields, refusal: { status: 429, retryAfter: `${retryAfterSec(result)}`, body } }
    } catch (error) {
      endLease(lease)
      throw error
    }
  }
}

/** A lease that cannot be given back ends by itself. */
export function endLease(lease: HeldLease | undefined): void {
  lease?.release().catch(() => undefined)
}

function withoutStore(error: unknown): Verdict {
  const { fault, retryAfterMs = 0 } = error as { fault?: unknown; retryAfterMs?: number }
  if (fault !== 'unavailable') throw error
  const seconds = retryAfterSec({ allowed: false, retryAfterMs })
  return {
    fields: {},
    refusal: { status: 503, retryAfter: `${seconds}`, body: JSON.stringify(unavailableProblem(seconds)) },
  }
}

function quietly(tell: () => void): void {
  try {
    tell()
  } catch {}
}
