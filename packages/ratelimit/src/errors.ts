/** Why `@portcullis/ratelimit` threw. */
export type RateLimitErrorCode =
  | 'ERR_RATELIMIT_OPTIONS'
  | 'ERR_RATELIMIT_KEY'
  | 'ERR_RATELIMIT_COST'
  | 'ERR_RATELIMIT_LIMIT'
  | 'ERR_RATELIMIT_CLOSED'
  | 'ERR_RATELIMIT_STORE'
  | 'ERR_RATELIMIT_SCRIPT'

type Fault = 'invalid' | 'unavailable' | 'internal'

const faults: Partial<Record<RateLimitErrorCode, Fault>> = {
  ERR_RATELIMIT_CLOSED: 'unavailable',
  ERR_RATELIMIT_STORE: 'unavailable',
  ERR_RATELIMIT_SCRIPT: 'internal',
}

/** A mistake of the caller (`invalid`), a store that cannot be reached (`unavailable`) or that rejects what is sent (`internal`). A refusal is a {@link RateLimitResult}, never an error. */
export class RateLimitError extends Error {
  override readonly name = 'RateLimitError'
  readonly code: RateLimitErrorCode
  readonly fault: Fault
  /** When a store that is down may be asked again. */
  readonly retryAfterMs?: number

  constructor(code: RateLimitErrorCode, message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    const { retryAfterMs, ...errorOptions } = options
    super(message, errorOptions)
    this.code = code
    this.fault = faults[code] ?? 'invalid'
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs
  }
}
