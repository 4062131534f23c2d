import type { Policy, Principal, PrincipalLimit } from '@portcullis/authz'
import type { GuardLog, Limiter } from '@portcullis/guard'
import { createRateLimiter, type WindowLimit } from '@portcullis/ratelimit'
import { createRedisRateLimiter } from '@portcullis/ratelimit/redis'
import type { Settings } from './config/settings.ts'

export interface Limits extends Limiter {
  /** The names of the limits that a principal is counted against: those of its kind, or its own. */
  namesFor(principal: Principal): readonly string[]
  close(): Promise<void>
}

interface Group extends Limiter {
  /** The same with other limits of the principals themselves. */
  with(limits: readonly WindowLimit[]): Group
  close(): unknown
}

/** Sets of limits that principals have of their own. Beyond, the one that was not used for longest begins anew. */
const MAX_OWN_SETS = 64

const OWN = 'own '

/** Limits of a principal's own are called after what they say, so that a key that is given others begins a new count. */
const ownNames = (limits: readonly PrincipalLimit[]): readonly string[] => [
  ...new Set(limits.map(({ requests, windowMs }) => `${OWN}${requests}/${windowMs}`)),
]

const ownLimit = (name: string): WindowLimit => {
  const [limit, windowMs] = name.slice(OWN.length).split('/').map(Number) as [number, number]
  return { name, algorithm: 'window', limit, windowMs }
}

/**
 * Everything that is counted: the limits by kind of principal, those of principals with limits of their own, and those that policy rules declare. Addresses without
 * a principal have a table of their own: a flood of them takes no place from whoever has proven who he is.
 */
export const createLimits = ({ rateLimit, redis }: Settings, policy: Policy, log: GuardLog): Limits => {
  const byKind = (name: 'anonymous' | 'api_key' | 'oauth2'): WindowLimit => ({
    name,
    algorithm: 'window',
    limit: rateLimit[name].requests,
    windowMs: rateLimit[name].windowMs,
  })
  const byRule = policy.limits.map((limit): WindowLimit => ({ ...limit, algorithm: 'window' }))

  const inMemory = (limits: readonly WindowLimit[]): Group => {
    const { check, close } = createRateLimiter({ limits: [...limits, ...byRule] })
    return { check, close, with: inMemory }
  }
  const inRedis = (limits: readonly WindowLimit[], connection: NonNullable<Settings['redis']>): Group => {
    const limiter = createRedisRateLimiter({
      limits: [...limits, ...byRule],
      ...connection,
      onStoreFailure: rateLimit.onStoreFailure,
      onEvent: (event) => {
        if (event.type !== 'degraded' && event.type !== 'recovered') return
        const { type, ...fields } = event
        log('warn', `ratelimit.${type}`, fields)
      },
    })
    const group = (from: typeof limiter): Group => ({
      check: from.check,
      close: from.close,
      with: (own) => group(limiter.withLimits({ limits: [...own, ...byRule] })),
    })
    return group(limiter)
  }
  const create = (kinds: readonly WindowLimit[]): Group =>
    rateLimit.store === 'memory' || redis === undefined ? inMemory(kinds) : inRedis(kinds, redis)

  const addresses = create([byKind('anonymous')])
  const principals = create([byKind('api_key'), byKind('oauth2')])
  const byMethod = new Map(['anonymous', 'api_key', 'oauth2'].map((method) => [method, [method]]))
  const namesOf = new WeakMap<readonly PrincipalLimit[], readonly string[]>()
  const own = new Map<string, Group>()

  const ownGroup = (names: readonly string[]): Group => {
    const chosen = names.filter((name) => name.startsWith(OWN))
    const id = chosen.join()
    const group = own.get(id) ?? principals.with(chosen.map(ownLimit))
    own.delete(id)
    own.set(id, group)
    if (own.size > MAX_OWN_SETS) {
      const [oldest = ''] = own.keys()
      void own.get(oldest)?.close()
      own.delete(oldest)
    }
    return group
  }

  return {
    namesFor({ method, limits }) {
      if (limits === undefined) return byMethod.get(method) ?? [method]
      const names = namesOf.get(limits) ?? ownNames(limits)
      namesOf.set(limits, names)
      return names
    },
    async check(key, options) {
      const names = options.limits ?? []
      const [first = ''] = names
      if (first === 'anonymous') return addresses.check(key, options)
      return (first.startsWith(OWN) ? ownGroup(names) : principals).check(key, options)
    },
    async close() {
      await Promise.all([...own.values()].map((group) => group.close()))
      await Promise.all([addresses.close(), principals.close()])
    },
  }
}
