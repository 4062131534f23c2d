import { isClient, openRedis, type RedisLink, RedisLinkError } from '@portcullis-internal/redis'
import { checkLabel, refuseUnknown } from './checks.ts'
import { ApiKeyError } from './errors.ts'

/** A client of ioredis (single, Sentinel or Cluster) or of node-redis (single), by its shape. Its settings are used for connections of the store's own; it is never used or closed itself. */
export interface RedisClientLike {
  duplicate(...args: never[]): unknown
}

export interface RedisConnectionOptions {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. Either this or `client`. */
  readonly url?: string
  readonly client?: RedisClientLike
  /** How long Redis may take, 1 to 60,000 ms. Default 100. */
  readonly commandTimeoutMs?: number
  /** Allows `redis://` to hosts beyond loopback: whoever is on the way can then let anyone in. */
  readonly dangerouslyAllowPlaintextRedis?: boolean
}

export type RedisStoreEvent =
  | { readonly type: 'degraded'; readonly reason: string }
  | { readonly type: 'recovered'; readonly degradedMs: number }

export interface RedisStoreOptions {
  /** Part of every principal's id. Default `redis`. */
  readonly label?: string
  /** What all keys in Redis begin with: 1 to 64 of `[A-Za-z0-9:_.-]`. Default `portcullis`. */
  readonly namespace?: string
  /**
   * How long after the store was last known to be unchanged a key that was read before may be used, 0 to 60,000 ms; 0: each is read each time. A revocation
   * elsewhere takes effect within it, whatever fails. Default 900.
   */
  readonly maxStaleMs?: number
  /** How often is asked whether anything changed, 10 to 60,000 ms. Default 400. */
  readonly pollMs?: number
  /** 32 secret bytes, the same for all processes: records without a MAC under it are `ERR_APIKEY_STORE`, so that who can write to Redis cannot make keys. */
  readonly integrityKey?: Uint8Array
  /** Milliseconds that never go back; for staleness alone. Default `performance.now`. */
  readonly clock?: () => number
  readonly onEvent?: (event: RedisStoreEvent) => void
}

const invalid = (message: string, cause?: unknown): ApiKeyError =>
  new ApiKeyError('ERR_APIKEY_OPTION', `redisStore: ${message}`, { cause })

const isWholeBetween = (value: unknown, min: number, max: number): boolean =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max

const fields = ['label', 'namespace', 'maxStaleMs', 'pollMs', 'integrityKey', 'clock', 'onEvent']

export const readStoreOptions = (options: RedisStoreOptions) => {
  refuseUnknown('redisStore', options, fields)
  const { label = 'redis', namespace = 'portcullis', maxStaleMs = 900, pollMs = 400, integrityKey, onEvent } = options
  const { clock = () => performance.now() } = options
  checkLabel('label', label)
  if (typeof namespace !== 'string' || !/^[A-Za-z0-9:_.-]{1,64}$/.test(namespace)) {
    throw invalid('namespace must be 1 to 64 of [A-Za-z0-9:_.-]')
  }
  if (!isWholeBetween(maxStaleMs, 0, 60_000)) throw invalid('maxStaleMs must be a whole number from 0 to 60000')
  if (!isWholeBetween(pollMs, 10, 60_000)) throw invalid('pollMs must be a whole number from 10 to 60000')
  if (integrityKey !== undefined && !(integrityKey instanceof Uint8Array && integrityKey.length === 32)) {
    throw invalid('integrityKey must be 32 bytes')
  }
  if (typeof clock !== 'function') throw invalid('clock must be a function')
  if (onEvent !== undefined && typeof onEvent !== 'function') throw invalid('onEvent must be a function')
  return { label, namespace, maxStaleMs, pollMs, integrityKey, clock, onEvent }
}

/** Opens the connection that the first argument of `redisStore` describes. */
export const openConnection = (
  connection: RedisClientLike | RedisConnectionOptions,
  onEvent: (event: RedisStoreEvent) => void,
): RedisLink => {
  const options: RedisConnectionOptions = isClient(connection) ? { client: connection } : connection
  refuseUnknown('redisStore', options, ['url', 'client', 'commandTimeoutMs', 'dangerouslyAllowPlaintextRedis'])
  try {
    return openRedis({
      ...options,
      onEvent: (event) =>
        onEvent(
          event.type === 'down'
            ? { type: 'degraded', reason: event.reason }
            : { type: 'recovered', degradedMs: event.downMs },
        ),
    })
  } catch (cause) {
    throw cause instanceof RedisLinkError ? invalid(cause.message, cause) : cause
  }
}

/** What every failure of Redis is to whoever asks for a key: the store cannot answer. */
export const asStoreError = (error: unknown): unknown => {
  if (!(error instanceof RedisLinkError)) return error
  const { retryAfterMs } = error
  const options = retryAfterMs === undefined ? { cause: error } : { cause: error, retryAfterMs }
  return new ApiKeyError('ERR_APIKEY_STORE', `the key store cannot answer: ${error.message}`, options)
}
