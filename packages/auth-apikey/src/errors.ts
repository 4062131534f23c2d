export type ApiKeyErrorCode =
  | 'ERR_APIKEY_CONFLICT'
  | 'ERR_APIKEY_DELEGATION'
  | 'ERR_APIKEY_EXISTS'
  | 'ERR_APIKEY_FORMAT'
  | 'ERR_APIKEY_GRANT'
  | 'ERR_APIKEY_LEGACY'
  | 'ERR_APIKEY_LOCKED'
  | 'ERR_APIKEY_NOT_FOUND'
  | 'ERR_APIKEY_OPTION'
  | 'ERR_APIKEY_STATE'
  | 'ERR_APIKEY_STORE'

const unavailable: ReadonlySet<ApiKeyErrorCode> = new Set(['ERR_APIKEY_STORE', 'ERR_APIKEY_LOCKED'])

/**
 * A key store that cannot be used (`fault: 'unavailable'`) or a request that makes no sense (`invalid`). A key that is refused is a value, never an error.
 * No message holds a key or any part of one.
 */
export class ApiKeyError extends Error {
  override readonly name = 'ApiKeyError'
  readonly code: ApiKeyErrorCode
  readonly fault: 'unavailable' | 'invalid'
  /** When a store that is down may be asked again. */
  readonly retryAfterMs?: number

  constructor(code: ApiKeyErrorCode, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    const { retryAfterMs, ...errorOptions } = options
    super(message, errorOptions)
    this.code = code
    this.fault = unavailable.has(code) ? 'unavailable' : 'invalid'
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs
  }
}
