/** Why `@portcullis/ratelimit` threw. */
export type RateLimitErrorCode =
  | 'ERR_RATELIMIT_OPTIONS'
  | 'ERR_RATELIMIT_KEY'
  | 'ERR_RATELIMIT_COST'
  | 'ERR_RATELIMIT_LIMIT'
  | 'ERR_RATELIMIT_CLOSED'

/** A mistake of the caller. A refusal is a {@link RateLimitResult}, never an error. */
export class RateLimitError extends Error {
  override readonly name = 'RateLimitError'
  readonly code: RateLimitErrorCode
  readonly fault: 'invalid' | 'unavailable'

  constructor(code: RateLimitErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.fault = code === 'ERR_RATELIMIT_CLOSED' ? 'unavailable' : 'invalid'
  }
}
