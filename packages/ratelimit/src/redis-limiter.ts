import { randomBytes } from 'node:crypto'
import { type RedisLink, redisProblems } from '@portcullis-internal/redis'
import { createFallback } from './fallback.ts'
import { steady } from './limiter.ts'
import { createBatches, type Note, type Reply, type Request } from './redis-batch.ts'
import { createNaming } from './redis-name.ts'
import { monotonic } from './options.ts'
import { readRedisOptions } from './redis-options.ts'
import { LEASE_CHARS } from './lua/format.ts'
import type { RedisRateLimiter, RedisRateLimiterOptions } from './redis-types.ts'
import { createRefusals } from './refusals.ts'
import { createReader, leaseIdOf, unlimited } from './request.ts'
import type { CheckOptions, Limit, RateLimiterEvent, RateLimitResult } from './types.ts'

/**
 * The limiter behind `createRedisRateLimiter`. `serverTimeMs` takes the place of the server's clock; only tests give it. `shared` is the connection of another
 * limiter, which closes it.
 */
export function createLimiterOverRedis(
  options: RedisRateLimiterOptions,
  serverTimeMs?: () => number,
  shared?: RedisLink,
): RedisRateLimiter {
  const { common, onStoreFailure, share, namespace, cacheMs, perKey, notify, open } = readRedisOptions(options)
  const { limits } = common
  const link = shared ?? open()
  const batches = createBatches(link, limits, perKey, serverTimeMs)
  const { keyOf, costOf, leaseOf, select, refuseUse } = createReader(limits)
  const tick = steady(common.clock)
  const refusals = createRefusals(cacheMs, monotonic)
  const nameOf = createNaming(namespace)
  const isLeased = limits.map(({ algorithm }) => algorithm === 'concurrency')
  const anyLeased = isLeased.includes(true)
  const stats = { allowed: 0, refused: 0, shadowed: 0, near: 0, cached: 0 }
  let closed = false

  const tell = (event: RateLimiterEvent): void => {
    stats[event.type === 'near' ? 'near' : 'shadowed']++
    notify(event)
  }
  const tellNote = (key: string, { kind: type, index, value }: Note): void => {
    const { name: policy, limit } = limits[index] as Limit
    if (type === 'near') tell({ type, key, policy, limit, remaining: value })
    else tell({ type, key, policy, retryAfterMs: value / 1000 })
  }
  const fallback = createFallback(common, onStoreFailure, share, tick, tell)
  const { engine: local } = fallback

  const shadowedBy = (notes: readonly Note[]): number[] =>
    notes.filter(({ kind }) => kind === 'shadow').map(({ index }) => index)

  const resultOf = ({ outcome, nowUs, left, resetUs, retryUs }: Reply): RateLimitResult => {
    const about = limits[outcome - 1]
    if (about === undefined) return unlimited(nowUs / 1000)
    return {
      allowed: retryUs === 0,
      limit: about.limit,
      remaining: left,
      resetMs: resetUs / 1000,
      retryAfterMs: retryUs / 1000,
      policy: about.name,
      windowMs: about.windowMs,
      atMs: nowUs / 1000,
    }
  }

  /** A result with the lease that was taken and what limits in mode `shadow` would have said. */
  const extended = (result: RateLimitResult, request: Request, shadowed: readonly number[]): RateLimitResult => {
    const held = request.selected.filter((index) => isLeased[index] && !shadowed.includes(index))
    const holds = request.operation === 'lease' && result.allowed && request.cost > 0 && held.length > 0
    const ttlMs = Math.min(...held.map((index) => (limits[index] as Limit).windowMs))
    return {
      ...result,
      ...(holds ? { lease: { id: leaseIdOf(request.leaseId, held), ttlMs } } : {}),
      ...(shadowed.length > 0 ? { shadowed: shadowed.map((index) => (limits[index] as Limit).name) } : {}),
    }
  }

  /** Takes in what Redis decided. */
  const learn = (key: string, request: Request, reply: Reply, askedMs: number): RateLimitResult => {
    const { notes, outcome } = reply
    const { cost, selected, operation, leaseId } = request
    const result = resultOf(reply)
    const shadowed = notes.length === 0 ? [] : shadowedBy(notes)
    if (operation !== 'peek' && !closed) {
      stats[result.allowed ? 'allowed' : 'refused']++
      // Leases may be given back at any time.
      if (!result.allowed && !isLeased[outcome - 1]) refusals.set(key, cost, outcome - 1, result, askedMs)
      if (result.allowed && cost > 0) {
        const charged = shadowed.length === 0 ? selected : selected.filter((index) => !shadowed.includes(index))
        fallback.warm(key, cost, charged, leaseId)
      }
    }
    for (const note of notes) tellNote(key, note)
    return operation === 'lease' || shadowed.length > 0 ? extended(result, request, shadowed) : result
  }

  const ask = (
    operation: 'check' | 'peek',
    key: string,
    cost: number,
    selected: readonly number[],
    askedMs: number,
  ): Promise<RateLimitResult> =>
    new Promise((resolve, reject) => {
      const leases = anyLeased && operation === 'check' && selected.some((index) => isLeased[index])
      const request: Request = {
        operation: leases ? 'lease' : operation,
        selected,
        cost,
        atUs: -1,
        leaseId: leases ? randomBytes(9).toString('base64url') : '',
        resolve: (reply) => resolve(learn(key, request, reply, askedMs)),
        reject(error) {
          try {
            const result = fallback.decide(operation, key, cost, selected, error)
            if (operation === 'check') stats[result.allowed ? 'allowed' : 'refused']++
            resolve(result)
          } catch (intolerable) {
            reject(intolerable)
          }
        },
      }
      batches.add(nameOf(key), request)
    })

  const decide = (operation: 'check' | 'peek', given: string, wanted: CheckOptions | undefined) => {
    const key = keyOf(given)
    const cost = costOf(wanted?.cost)
    const selected = select(wanted?.limits)
    if (selected.length === 0) return Promise.resolve(unlimited(tick()))
    const known = refusals.get(key, cost, selected)
    if (known === undefined) return ask(operation, key, cost, selected, monotonic())
    if (operation === 'check') {
      stats.refused++
      stats.cached++
    }
    return Promise.resolve(known)
  }

  /** Has Redis change what it holds; whether it held what was to be changed. Rejects with what went wrong. */
  const change = (
    key: string,
    wanted: Pick<Request, 'operation' | 'selected'> & Partial<Request>,
  ): Promise<boolean> => {
    refusals.delete(key)
    return new Promise((resolve, reject) => {
      batches.add(nameOf(key), {
        cost: 0,
        atUs: -1,
        leaseId: '',
        ...wanted,
        resolve({ outcome, notes }) {
          // A refusal that was under way may have come in meanwhile.
          refusals.delete(key)
          for (const note of notes) tellNote(key, note)
          resolve(outcome === 1)
        },
        reject,
      })
    })
  }

  /** Gives units back, or takes them where they are below zero. */
  const settle = async (key: string, units: number, selected: readonly number[], atMs = -0.001): Promise<void> => {
    if (selected.length === 0 || units === 0) return
    // Without its time: what is charged here has another clock's.
    if (units > 0) local.refund(key, units, selected, undefined)
    else fallback.warm(key, -units, selected, undefined)
    const operation = units > 0 ? 'refund' : 'charge'
    try {
      await change(key, { operation, selected, cost: Math.abs(units), atUs: Math.round(atMs * 1000) })
    } catch (error) {
      fallback.tolerate(selected, error)
    }
  }

  const lease = async (operation: 'renew' | 'release', given: string, id: string, names?: readonly string[]) => {
    const key = keyOf(given)
    const { name, selected } = leaseOf(id, names)
    const held = local.lease(operation, key, name, selected)
    if (fallback.isLocalLease(name)) return held
    if (selected.length === 0 || !/^[\w-]+$/.test(name) || name.length !== LEASE_CHARS) return false
    try {
      return await change(key, { operation, selected, leaseId: name })
    } catch (error) {
      // Whether it is still held nobody here can say: others may be at work once its time is over.
      if (operation === 'renew') throw fallback.asOurs(error)
      fallback.tolerate(selected, error)
      return held
    }
  }

  return {
    check: rejecting((key, wanted) => decide('check', key, wanted)),
    peek: rejecting((key, wanted) => decide('peek', key, wanted)),
    refund: async (key, wanted) => settle(keyOf(key), costOf(wanted?.cost), select(wanted?.limits), wanted?.atMs),
    settle: async (key, wanted) =>
      settle(
        keyOf(key),
        costOf(wanted?.charged ?? Number.NaN) - costOf(wanted.cost ?? Number.NaN),
        select(wanted.limits),
        wanted.atMs,
      ),
    renew: (key, id, wanted) => lease('renew', key, id, wanted?.limits),
    release: (key, id, wanted) => lease('release', key, id, wanted?.limits),
    async reset(given, wanted) {
      const key = keyOf(given)
      const selected = select(wanted?.limits)
      if (selected.length === 0) return
      try {
        await change(key, { operation: 'reset', selected })
      } catch (error) {
        throw fallback.asOurs(error)
      }
      local.reset(key, selected)
    },
    async close() {
      closed = true
      refuseUse()
      fallback.close()
      refusals.clear()
      if (shared === undefined) await link.close()
    },
    withLimits: (other) => createLimiterOverRedis({ ...options, ...other }, serverTimeMs, link),
    ready: link.ready,
    get degraded() {
      return link.state === 'down'
    },
    stats() {
      const { size, overflowed } = local.stats()
      return { ...stats, ...fallback.stats, ...batches.stats, size, overflowed }
    },
    problems: () => redisProblems(link),
  }
}

type Ask = (key: string, options?: CheckOptions) => Promise<RateLimitResult>

/** What is thrown at once becomes a rejection. */
const rejecting =
  (ask: Ask): Ask =>
  (key, options) => {
    try {
      return ask(key, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }
