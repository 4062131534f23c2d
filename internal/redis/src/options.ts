import { RedisLinkError } from './errors.ts'

/**
 * A client of ioredis (single, with sentinels, or Cluster) or of node-redis (the package `redis`, versions 4 to 6; single), by its shape. Its settings are taken
 * over; it is never used or closed itself.
 */
export interface RedisClientLike {
  duplicate(...args: never[]): unknown
}

export type RedisLinkEvent =
  | { readonly type: 'down'; readonly reason: string }
  | { readonly type: 'up'; readonly downMs: number }

export interface RedisLinkOptions {
  /** `redis://[user:password@]host[:port][/db]` or `rediss://` for TLS. Either this or `client`. */
  readonly url?: string | undefined
  readonly client?: RedisClientLike | undefined
  /** How long an answer may take, 1 to 60,000 ms. Default 100. */
  readonly commandTimeoutMs?: number | undefined
  /** Allows `redis://` to hosts beyond loopback: everyone on the way reads and changes what is sent. */
  readonly dangerouslyAllowPlaintextRedis?: boolean | undefined
  readonly onEvent?: ((event: RedisLinkEvent) => void) | undefined
}

const invalid = (message: string): RedisLinkError => new RedisLinkError('ERR_REDIS_OPTIONS', message)

export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly db: number
  readonly tls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
}

/** 127.0.0.0/8, ::1 and the name for them. */
const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)

/** Reads a URL; no error repeats it, for it may hold a password. */
export const parseRedisUrl = (text: unknown): Endpoint => {
  try {
    const { protocol, hostname, port, pathname, username, password, search, hash } = new URL(text as string)
    const [, db] = /^\/?(\d{0,5})$/.exec(pathname + search + hash) as RegExpExecArray
    if (hostname && /^rediss?:$/.test(protocol)) {
      return {
        host: hostname.replace(/^\[|\]$/g, ''),
        port: Number(port || 6379),
        db: Number(db),
        tls: protocol === 'rediss:',
        username: decodeURIComponent(username) || undefined,
        password: decodeURIComponent(password) || undefined,
      }
    }
  } catch {
    // Below it is said what it must look like.
  }
  throw invalid(
    'the Redis URL must read redis://[user:password@]host[:port][/db], or rediss:// for TLS: user and password percent-encoded, db a number',
  )
}

export interface ReadOptions {
  readonly target: Endpoint | RedisClientLike
  readonly commandTimeoutMs: number
  readonly onEvent: (event: RedisLinkEvent) => void
}

export const isClient = (value: unknown): value is RedisClientLike =>
  typeof (value as RedisClientLike | undefined)?.duplicate === 'function'

/** Checks the options; @throws RedisLinkError ERR_REDIS_OPTIONS, ERR_REDIS_PLAINTEXT */
export const readOptions = (options: RedisLinkOptions): ReadOptions => {
  if (typeof options !== 'object' || options === null) throw invalid('the options of Redis must be an object')
  const { url, client, commandTimeoutMs = 100, dangerouslyAllowPlaintextRedis = false, onEvent, ...others } = options
  for (const field of Object.keys(others)) throw invalid(`unknown field ${JSON.stringify(field)}`)
  if ((url === undefined) === (client === undefined)) throw invalid('give either url or client')
  if (client !== undefined && !isClient(client)) throw invalid('client must be a client of ioredis, or of redis 4 to 6')
  if (!Number.isInteger(commandTimeoutMs) || commandTimeoutMs < 1 || commandTimeoutMs > 60_000) {
    throw invalid('commandTimeoutMs must be a whole number from 1 to 60000')
  }
  if (typeof dangerouslyAllowPlaintextRedis !== 'boolean') {
    throw invalid('dangerouslyAllowPlaintextRedis must be true or false')
  }
  if (onEvent !== undefined && typeof onEvent !== 'function') throw invalid('onEvent must be a function')
  const notify = (event: RedisLinkEvent): void => {
    // Who watches must not break what is watched.
    try {
      onEvent?.(event)
    } catch {}
  }
  if (client !== undefined) return { target: client, commandTimeoutMs, onEvent: notify }
  const target = parseRedisUrl(url)
  if (!target.tls && !isLoopback(target.host) && !dangerouslyAllowPlaintextRedis) {
    throw new RedisLinkError(
      'ERR_REDIS_PLAINTEXT',
      `Redis at ${JSON.stringify(target.host)} would be reached without TLS: use rediss://, or set dangerouslyAllowPlaintextRedis`,
    )
  }
  return { target, commandTimeoutMs, onEvent: notify }
}
