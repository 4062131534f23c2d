import type {
  CheckOptions,
  LeaseOptions,
  RateLimiterEvent,
  RateLimiterOptions,
  RateLimiterStats,
  RateLimitResult,
  RefundOptions,
  SettleOptions,
} from './types.ts'

/** A client of ioredis (single, Sentinel or Cluster) or of node-redis (single), by its shape. Its settings are used for a connection of the limiter's own; it is never used or closed itself. */
export interface RedisClientLike {
  duplicate(...args: never[]): unknown
}

export type RedisRateLimiterEvent =
  | RateLimiterEvent
  | { readonly type: 'degraded'; readonly reason: string }
  | { readonly type: 'recovered'; readonly degradedMs: number }

export interface RedisRateLimiterOptions extends Omit<RateLimiterOptions, 'onEvent'> {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. Either this or `client`. */
  readonly url?: string
  readonly client?: RedisClientLike
  /** How long Redis may take, 1 to 60,000 ms. Default 100. */
  readonly commandTimeoutMs?: number
  /**
   * While Redis does not answer: `local` decides by a limiter in this process that was charged all along; `open` allows everything; `closed` throws
   * ERR_RATELIMIT_STORE. Default `local`. A limit's own `onStoreFailure` comes before it.
   */
  readonly onStoreFailure?: 'local' | 'open' | 'closed'
  /** The part of each limit that `local` allows, above 0 to 1: one over the number of processes keeps to the limit in an outage too. Default 1. */
  readonly share?: number
  /**
   * How long a refusal is answered from memory, at most until its exact retry time; after it a reset or refund by another process is seen. 0 to 3,600,000 ms, 0: never.
   * Default 1,000.
   */
  readonly cacheRefusalsMs?: number
  /** What all keys in Redis begin with: 1 to 64 of `[A-Za-z0-9:_.-]`. Default `portcullis`. */
  readonly namespace?: string
  /** Allows `redis://` to hosts beyond loopback. */
  readonly dangerouslyAllowPlaintextRedis?: boolean
  readonly onEvent?: (event: RedisRateLimiterEvent) => void
}

/** `size` and `overflowed` are those of the limiter in this process. */
export interface RedisRateLimiterStats extends RateLimiterStats {
  /** Refusals that were answered from memory. */
  readonly cached: number
  /** Decided without Redis. */
  readonly degraded: number
  /** Requests that Redis did not answer, or refused. */
  readonly failures: number
  /** Round trips, and the requests that went in them. */
  readonly batches: number
  readonly batched: number
}

/** The methods of `RateLimiter` with the same results, as promises. `clock` and `maxKeys` are those of the limiter in this process. */
export interface RedisRateLimiter {
  /**
   * Charges all named limits or none.
   * @throws RateLimitError ERR_RATELIMIT_KEY, ERR_RATELIMIT_COST, ERR_RATELIMIT_LIMIT, ERR_RATELIMIT_CLOSED; ERR_RATELIMIT_STORE (with `closed`, when Redis
   * does not answer); ERR_RATELIMIT_SCRIPT (Redis rejects what is sent to it: whatever `onStoreFailure` says, this is never open)
   */
  check(key: string, options?: CheckOptions): Promise<RateLimitResult>
  /** What `check` would answer, charging nothing. Throws as `check` does. */
  peek(key: string, options?: CheckOptions): Promise<RateLimitResult>
  /** Gives units back. Throws as `check` does; without Redis and not `closed`, units charged in Redis are lost until they leave the window. */
  refund(key: string, options?: RefundOptions): Promise<void>
  /** Once the real cost is known: gives back what was charged too much, or charges what was too little, whether it fits or not. Throws as `check` does. */
  settle(key: string, options: SettleOptions): Promise<void>
  /** Lets a lease run `ttlMs` from now. Whether it is still held. Without Redis ERR_RATELIMIT_STORE whatever the policy, but for leases that were taken here meanwhile. */
  renew(key: string, leaseId: string, options?: LeaseOptions): Promise<boolean>
  /** Gives back what a lease holds. Whether it was held. Throws as `check` does. */
  release(key: string, leaseId: string, options?: LeaseOptions): Promise<boolean>
  /** Forgets the key for the named limits. Throws ERR_RATELIMIT_STORE whenever Redis does not answer. */
  reset(key: string, options?: { readonly limits?: readonly string[] }): Promise<void>
  /**
   * A limiter of other limits over the same connection, for callers who have limits of their own; everything else as it was configured. Its `close` leaves the
   * connection to this one. Limits are told apart by name, algorithm and window: with another number of units they go on with the same count. Throws ERR_RATELIMIT_OPTIONS.
   */
  withLimits(options: Pick<RedisRateLimiterOptions, 'limits' | 'maxKeys'>): RedisRateLimiter
  /** Ends the connection; later calls throw ERR_RATELIMIT_CLOSED. */
  close(): Promise<void>
  /** Resolves at the first connection; rejects when closed before. */
  readonly ready: Promise<void>
  /** Whether Redis is out of reach at the moment. */
  readonly degraded: boolean
  stats(): RedisRateLimiterStats
  /** What is wrong with how Redis is set up, one sentence each; an eviction policy other than `noeviction` is, since it forgets charges. */
  problems(): Promise<readonly string[]>
}
