import { createEngine } from './engine.ts'
import { RateLimitError } from './errors.ts'
import { readOptions } from './options.ts'
import { createReader } from './request.ts'
import type { LeaseOptions, RateLimiter, RateLimiterOptions } from './types.ts'

/** A clock that steps back, or answers no number, must not make anything younger. */
export function steady(clock: () => number): () => number {
  let latestMs = Number.NEGATIVE_INFINITY
  return () => {
    const nowMs = clock()
    if (nowMs >= 0 && nowMs > latestMs && nowMs < Number.POSITIVE_INFINITY) latestMs = nowMs
    if (latestMs === Number.NEGATIVE_INFINITY)
      throw new RateLimitError('ERR_RATELIMIT_OPTIONS', 'the clock answered no finite number from 0')
    return latestMs
  }
}

/**
 * Makes a limiter that keeps its state in this process: several limits in one atomic check, no timers, memory bounded by `maxKeys`.
 * @throws RateLimitError ERR_RATELIMIT_OPTIONS for an option that is unknown, malformed or not supported
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const read = readOptions(options)
  const engine = createEngine(read, options.clock === undefined ? read.clock : steady(read.clock))
  const { keyOf, costOf, leaseOf, select, refuseUse } = createReader(read.limits)
  const leases = read.limits.some(({ algorithm }) => algorithm === 'concurrency')
  let taken = 0
  const lease = (operation: 'renew' | 'release', given: string, id: string, wanted: LeaseOptions | undefined) => {
    const key = keyOf(given)
    const { name, selected } = leaseOf(id, wanted?.limits)
    return engine.lease(operation, key, name, selected)
  }

  return {
    check(key, wanted) {
      const leaseId = leases ? (taken++).toString(36) : ''
      return engine.check(keyOf(key), costOf(wanted?.cost), select(wanted?.limits), leaseId)
    },
    peek: (key, wanted) => engine.peek(keyOf(key), costOf(wanted?.cost), select(wanted?.limits)),
    refund(key, wanted) {
      engine.refund(keyOf(key), costOf(wanted?.cost), select(wanted?.limits), wanted?.atMs)
    },
    settle(key, wanted) {
      const less = costOf(wanted?.charged ?? Number.NaN) - costOf(wanted.cost ?? Number.NaN)
      if (less >= 0) engine.refund(keyOf(key), less, select(wanted.limits), wanted.atMs)
      else engine.charge(keyOf(key), -less, select(wanted.limits))
    },
    renew: (key, id, wanted) => lease('renew', key, id, wanted),
    release: (key, id, wanted) => lease('release', key, id, wanted),
    reset(key, wanted) {
      engine.reset(keyOf(key), select(wanted?.limits))
    },
    close() {
      refuseUse()
      engine.clear()
    },
    stats: engine.stats,
    get size() {
      return engine.stats().size
    },
    get overflowed() {
      return engine.stats().overflowed
    },
  }
}
