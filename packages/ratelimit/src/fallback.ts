import { RedisLinkError } from '@portcullis-internal/redis'
import { createEngine, type Engine } from './engine.ts'
import { RateLimitError } from './errors.ts'
import type { ReadOptions } from './options.ts'
import type { StoreFailure } from './redis-options.ts'
import type { Limit, RateLimiterEvent, RateLimitResult } from './types.ts'

/** Leases of this process, which Redis does not know. */
const LOCAL_LEASE = 'local-'

/** What decides while Redis does not answer, limit by limit: the limiter of this process, or nothing, or an error. */
export interface Fallback {
  readonly engine: Engine
  /** Keeps the limiter in this process charged with what Redis admitted, as far as there is room: what it does not hold it would admit again in an outage. */
  warm(key: string, cost: number, selected: readonly number[], leaseId: string | undefined): void
  /** Decides in place of Redis. Throws unless the failure is one that the options say how to live with. */
  decide(
    operation: 'check' | 'peek',
    key: string,
    cost: number,
    selected: readonly number[],
    error: unknown,
  ): RateLimitResult
  /** Throws as `decide` does. */
  tolerate(selected: readonly number[], error: unknown): void
  /** An error of the connection as one of the limiter. */
  asOurs(error: unknown): unknown
  isLocalLease(id: string): boolean
  close(): void
  readonly stats: { degraded: number; failures: number }
}

/** The part of a limit that this process allows by itself. */
const shareOf = (limit: Limit, share: number): Limit => {
  const part = (units: number): number => Math.ceil(units * share)
  const shared = { ...limit, limit: part(limit.limit) }
  return shared.algorithm === 'gcra' ? { ...shared, burst: part(shared.burst ?? limit.limit) } : shared
}

export function createFallback(
  common: ReadOptions,
  policies: readonly StoreFailure[],
  share: number,
  tick: () => number,
  tell: (event: RateLimiterEvent) => void,
): Fallback {
  const { limits } = common
  const stats = { degraded: 0, failures: 0 }
  const isLocal = policies.map((policy) => policy === 'local')
  const allLocal = !isLocal.includes(false)
  let warming = false
  let leases = 0
  let closed = false
  const engine = createEngine(
    {
      ...common,
      limits: limits.map((limit) => shareOf(limit, share)),
      onEvent: (event) => {
        if (!warming) tell(event)
      },
    },
    tick,
  )
  const localOf = (selected: readonly number[]): readonly number[] =>
    allLocal ? selected : selected.filter((index) => isLocal[index])

  const asOurs = (error: unknown): unknown => {
    if (!(error instanceof RedisLinkError)) return error
    if (error.fault === 'internal') return new RateLimitError('ERR_RATELIMIT_SCRIPT', error.message, { cause: error })
    if (closed) return new RateLimitError('ERR_RATELIMIT_CLOSED', 'the rate limiter is closed', { cause: error })
    const { retryAfterMs } = error
    const more = retryAfterMs === undefined ? { cause: error } : { cause: error, retryAfterMs }
    return new RateLimitError('ERR_RATELIMIT_STORE', error.message, more)
  }

  const tolerate = (selected: readonly number[], error: unknown): void => {
    stats.failures++
    const outage = error instanceof RedisLinkError && error.fault === 'unavailable' && !closed
    // Credentials that are refused are no outage to be open for.
    const refused = outage && error.code === 'ERR_REDIS_REFUSED'
    const intolerable = selected.some(
      (index) =>
        limits[index]?.mode !== 'shadow' && (policies[index] === 'closed' || (refused && policies[index] === 'open')),
    )
    if (!outage || intolerable) throw asOurs(error)
  }

  return {
    engine,
    stats,
    asOurs,
    tolerate,
    warm(key, cost, selected, leaseId) {
      warming = true
      engine.fill(key, cost, localOf(selected), leaseId)
      warming = false
    },
    decide(operation, key, cost, selected, error) {
      tolerate(selected, error)
      stats.degraded++
      const local = localOf(selected)
      const result =
        operation === 'peek'
          ? engine.peek(key, cost, local)
          : engine.check(key, cost, local, `${LOCAL_LEASE}${(leases++).toString(36)}`)
      return { ...result, degraded: true }
    },
    isLocalLease: (id) => id.startsWith(LOCAL_LEASE),
    close() {
      closed = true
      engine.clear()
    },
  }
}
