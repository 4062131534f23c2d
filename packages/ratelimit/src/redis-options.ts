import { openRedis, type RedisLink, RedisLinkError } from '@portcullis-internal/redis'
import { RateLimitError } from './errors.ts'
import { fail, quiet, type ReadOptions, readOptions, refuseUnknown } from './options.ts'
import type { RedisRateLimiterEvent, RedisRateLimiterOptions } from './redis-types.ts'

const known = [
  'limits',
  'maxKeys',
  'clock',
  'url',
  'client',
  'commandTimeoutMs',
  'onStoreFailure',
  'share',
  'namespace',
  'cacheRefusalsMs',
  'dangerouslyAllowPlaintextRedis',
  'onEvent',
]
const MAX_CACHE_MS = 3_600_000

export type StoreFailure = 'local' | 'open' | 'closed'
const storeFailures: readonly unknown[] = ['local', 'open', 'closed'] satisfies StoreFailure[]

export interface ReadRedisOptions {
  readonly common: ReadOptions
  /** By limit. */
  readonly onStoreFailure: readonly StoreFailure[]
  readonly share: number
  readonly namespace: string
  readonly cacheMs: number
  /** Whether each key goes to Redis by itself, as a Cluster needs. */
  readonly perKey: boolean
  readonly notify: (event: RedisRateLimiterEvent) => void
  open(): RedisLink
}

/** Checks the options and fills in what is left out. */
export function readRedisOptions(options: RedisRateLimiterOptions): ReadRedisOptions {
  refuseUnknown(options, known, 'options')
  const { limits, maxKeys, clock, url, client, commandTimeoutMs, dangerouslyAllowPlaintextRedis, onEvent } = options
  const { onStoreFailure = 'local', share = 1, namespace = 'portcullis', cacheRefusalsMs = 1000 } = options
  const common = readOptions({
    limits,
    ...(maxKeys === undefined ? {} : { maxKeys }),
    ...(clock === undefined ? {} : { clock }),
  })
  for (const failure of [onStoreFailure, ...limits.map((limit) => limit.onStoreFailure ?? 'local')]) {
    if (!storeFailures.includes(failure)) fail('onStoreFailure must be "local", "open" or "closed"')
  }
  if (!(typeof share === 'number' && share > 0 && share <= 1)) fail('share must be a number above 0, at most 1')
  if (typeof namespace !== 'string' || !/^[A-Za-z0-9:_.-]{1,64}$/.test(namespace)) {
    fail('namespace must be 1 to 64 of [A-Za-z0-9:_.-]')
  }
  if (!Number.isInteger(cacheRefusalsMs) || cacheRefusalsMs < 0 || cacheRefusalsMs > MAX_CACHE_MS) {
    fail(`cacheRefusalsMs must be a whole number from 0 to ${MAX_CACHE_MS}`)
  }
  if (onEvent !== undefined && typeof onEvent !== 'function') fail('onEvent must be a function')
  const notify = quiet(onEvent)
  const open = (): RedisLink => {
    try {
      return openRedis({
        url,
        client,
        commandTimeoutMs,
        dangerouslyAllowPlaintextRedis,
        onEvent: (event) => {
          if (event.type === 'down') notify({ type: 'degraded', reason: event.reason })
          else notify({ type: 'recovered', degradedMs: event.downMs })
        },
      })
    } catch (cause) {
      if (!(cause instanceof RedisLinkError)) throw cause
      throw new RateLimitError('ERR_RATELIMIT_OPTIONS', cause.message, { cause })
    }
  }
  return {
    common,
    onStoreFailure: limits.map((limit) => limit.onStoreFailure ?? onStoreFailure),
    share,
    namespace,
    cacheMs: cacheRefusalsMs,
    perKey: (client as { isCluster?: unknown } | undefined)?.isCluster === true,
    notify,
    open,
  }
}
