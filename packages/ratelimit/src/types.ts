/** Never more than `limit` units of cost in any half-open window (t - windowMs, t]. */
export interface WindowLimit {
  /** What results and header fields call it: 1 to 64 printable ASCII characters without `"` and `\`. */
  readonly name: string
  readonly algorithm: 'window'
  /** Units of cost, 1 to 2,147,483,647. Up to 1,024 every decision is exact; above, never too many, and at least about 97 % of what would fit. */
  readonly limit: number
  /** 1 ms to 366 days. */
  readonly windowMs: number
}

export interface RateLimiterOptions {
  /** 1 to 256 limits. */
  readonly limits: readonly WindowLimit[]
  /** Keys that have an entry of their own, 1 to 10,000,000. Default 100,000. */
  readonly maxKeys?: number
  /** Milliseconds that never go back; steps back are taken for standing still. Default `performance.now`. */
  readonly clock?: () => number
}

export interface CheckOptions {
  /** Units to charge, a whole number from 0. 0 asks and charges nothing. Default 1. */
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

/** Of the limit that refuses longest, else of the one with the least remaining. */
export interface RateLimitResult {
  readonly allowed: boolean
  readonly limit: number
  /** Units left now, after this charge. */
  readonly remaining: number
  /** Until everything is restored if nothing more is charged. */
  readonly resetMs: number
  /** Until the same request can be allowed; 0 when allowed. For a cost above the limit, which never can: the window. */
  readonly retryAfterMs: number
  /** Name of the limit; empty when no limit was asked. */
  readonly policy: string
  readonly windowMs: number
  /** The clock's time of this decision, for `refund`. */
  readonly atMs: number
}

export interface RateLimiter {
  /**
   * Charges all named limits or none: a refusal charges nothing anywhere.
   * @throws RateLimitError ERR_RATELIMIT_KEY, ERR_RATELIMIT_COST, ERR_RATELIMIT_LIMIT (a name that is not configured), ERR_RATELIMIT_CLOSED
   */
  check(key: string, options?: CheckOptions): RateLimitResult
  /** What `check` would answer, charging nothing. */
  peek(key: string, options?: CheckOptions): RateLimitResult
  /** Gives units back, at most those that are in the window. Throws as `check` does. */
  refund(key: string, options?: RefundOptions): void
  /** Forgets the key for the named limits. What it charged while it shared an overflow entry stays. Throws as `check` does. */
  reset(key: string, options?: { readonly limits?: readonly string[] }): void
  /** Forgets everything; later calls throw ERR_RATELIMIT_CLOSED. */
  close(): void
  /** Keys that have an entry of their own. */
  readonly size: number
  /** Charges that went to a shared entry because the table was full of keys in use. */
  readonly overflowed: number
}
