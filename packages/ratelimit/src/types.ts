interface LimitBase {
  /** What results, events and header fields call it: 1 to 64 printable ASCII characters without `"` and `\`. */
  readonly name: string
  /** Units of cost, a whole number from 1 to 2,147,483,647. */
  readonly limit: number
  /** 1 ms to 366 days, whole milliseconds. */
  readonly windowMs: number
  /** `shadow` counts and tells (`shadowed`, event `shadow`), but refuses nobody. Default `enforce`. */
  readonly mode?: 'enforce' | 'shadow'
  /** The part of the limit at which the event `near` is sent, above 0 to 1. Default 0.8. */
  readonly nearRatio?: number
  /** With Redis, while it does not answer: comes before the limiter's own `onStoreFailure`. In memory without meaning. */
  readonly onStoreFailure?: 'local' | 'open' | 'closed'
}

/** Never more than `limit` units in any half-open window (t - windowMs, t], wherever it begins. */
export interface WindowLimit extends LimitBase {
  readonly algorithm: 'window'
  /**
   * Whether every unit keeps its own time, so that nothing is refused that would fit; costs up to 24 bytes a unit and key. Without it admissions share 32 buckets:
   * still never too many, and at least about 97 % of what would fit. Default for limits up to 128; possible up to 1,024.
   */
  readonly exact?: boolean
}

/** At most `burst + limit / windowMs * t` units in any time t: the generic cell rate algorithm (ITU-T I.371), which is a token bucket. */
export interface GcraLimit extends LimitBase {
  readonly algorithm: 'gcra'
  /** Units that may come at once, 1 to 2,147,483,647. Default `limit`, with which a window can hold twice the limit. */
  readonly burst?: number
}

/** At most `limit` units held at any time. A check takes a lease, which ends by `release`, or `windowMs` after it was taken or last renewed. */
export interface ConcurrencyLimit extends LimitBase {
  readonly algorithm: 'concurrency'
}

export type Limit = WindowLimit | GcraLimit | ConcurrencyLimit

export type RateLimiterEvent =
  /** A charge reached `nearRatio` of a limit; sent when it is crossed, not for each charge above. */
  | {
      readonly type: 'near'
      readonly key: string
      readonly policy: string
      readonly limit: number
      readonly remaining: number
    }
  /** A limit in mode `shadow` would have refused. */
  | { readonly type: 'shadow'; readonly key: string; readonly policy: string; readonly retryAfterMs: number }

export interface RateLimiterOptions {
  /** 1 to 255 limits. */
  readonly limits: readonly Limit[]
  /** Keys that have an entry of their own, 1 to 10,000,000. Their memory is set aside at once. Default 100,000. */
  readonly maxKeys?: number
  /** Milliseconds that never go back; steps back are taken for standing still. Default: the monotonic clock of the process. */
  readonly clock?: () => number
  /** Must not throw; what it throws is dropped. */
  readonly onEvent?: (event: RateLimiterEvent) => void
}

export interface CheckOptions {
  /** Units to charge, a whole number from 0 to 2,147,483,647. 0 asks and charges nothing. Default 1. */
  readonly cost?: number
  /** Names of the limits to hold against, all at once. Default: all. */
  readonly limits?: readonly string[]
}

export interface RefundOptions extends CheckOptions {
  /**
   * `atMs` of the result whose cost is given back. Without it the oldest units in the window are given back, which never lets too much through but
   * makes the window end later than it had to.
   */
  readonly atMs?: number
}

export interface SettleOptions extends RefundOptions {
  /** What the check charged. */
  readonly charged: number
  /** What it has really cost. */
  readonly cost: number
}

export interface LeaseOptions {
  readonly limits?: readonly string[]
}

/** Of the limit that refuses longest, else of the one with the least remaining. */
export interface RateLimitResult {
  readonly allowed: boolean
  /** As configured. */
  readonly limit: number
  /** Units left now, after this charge. For `gcra`: of its burst. */
  readonly remaining: number
  /** Until everything is restored if nothing more is charged. */
  readonly resetMs: number
  /** Until the same request can be allowed; 0 when allowed. For a cost that never fits: the window. For `concurrency`: when leases run out, if none is released before. */
  readonly retryAfterMs: number
  /** Name of the limit; empty when no limit was asked. */
  readonly policy: string
  readonly windowMs: number
  /** The clock's time of this decision, for `refund` and `settle`. */
  readonly atMs: number
  /** What was taken of the `concurrency` limits: `renew` it within `ttlMs`, `release` it when the work is done. */
  readonly lease?: Lease
  /** Names of the limits in mode `shadow` that would have refused. */
  readonly shadowed?: readonly string[]
  /** Decided without the store, which did not answer. */
  readonly degraded?: true
}

export interface Lease {
  readonly id: string
  readonly ttlMs: number
}

/** Counted since the limiter was made. */
export interface RateLimiterStats {
  readonly allowed: number
  readonly refused: number
  /** Times that a limit in mode `shadow` would have refused. */
  readonly shadowed: number
  /** Times that a charge crossed `nearRatio` of a limit. */
  readonly near: number
  /** Keys that have an entry of their own. */
  readonly size: number
  /** Charges that went to a shared entry because the table was full of keys in use. */
  readonly overflowed: number
}

export interface RateLimiter {
  /**
   * Charges all named limits or none: a refusal charges nothing anywhere.
   * @throws RateLimitError ERR_RATELIMIT_KEY, ERR_RATELIMIT_COST, ERR_RATELIMIT_LIMIT (a name that is not configured), ERR_RATELIMIT_CLOSED
   */
  check(key: string, options?: CheckOptions): RateLimitResult
  /** What `check` would answer, charging nothing. */
  peek(key: string, options?: CheckOptions): RateLimitResult
  /** Gives units back, at most those that still count. Leases are released instead. Throws as `check` does. */
  refund(key: string, options?: RefundOptions): void
  /** Once the real cost is known: gives back what was charged too much, or charges what was too little, whether it fits or not. Throws as `check` does. */
  settle(key: string, options: SettleOptions): void
  /** Lets a lease run `ttlMs` from now. Whether it is still held: one that ran out is not taken again. Throws as `check` does. */
  renew(key: string, leaseId: string, options?: LeaseOptions): boolean
  /** Gives back what a lease holds. Whether it was held. Throws as `check` does. */
  release(key: string, leaseId: string, options?: LeaseOptions): boolean
  /** Forgets the key for the named limits. What it charged while it shared an overflow entry stays. Throws as `check` does. */
  reset(key: string, options?: { readonly limits?: readonly string[] }): void
  /** Forgets everything; later calls throw ERR_RATELIMIT_CLOSED. */
  close(): void
  stats(): RateLimiterStats
  /** Keys that have an entry of their own. */
  readonly size: number
  /** Charges that went to a shared entry because the table was full of keys in use. */
  readonly overflowed: number
}
