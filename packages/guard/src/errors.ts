export type GuardErrorCode =
  /** An option of `createGuard` is missing, unknown or of the wrong type. */
  'ERR_GUARD_OPTIONS'

/** A mistake in how the guard was put together. Refusals of callers are values, never errors. */
export class GuardError extends Error {
  override readonly name = 'GuardError'
  readonly code: GuardErrorCode
  readonly fault = 'invalid'

  constructor(code: GuardErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** What the guard reads of a fault that a port throws: an outage is answered 503, everything else 500. */
export const isUnavailable = (error: unknown): error is { fault: 'unavailable'; retryAfterMs?: number } =>
  typeof error === 'object' && error !== null && (error as { fault?: unknown }).fault === 'unavailable'
