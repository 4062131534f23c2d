/** Why `@portcullis/auth-oauth2` threw. */
export type OAuth2ErrorCode =
  | 'ERR_OAUTH2_OPTIONS'
  | 'ERR_OAUTH2_UNAVAILABLE'
  | 'ERR_OAUTH2_METADATA'
  | 'ERR_OAUTH2_RESPONSE'
  | 'ERR_OAUTH2_STATE'
  | 'ERR_OAUTH2_ISSUER'
  | 'ERR_OAUTH2_DENIED'
  | 'ERR_OAUTH2_UNSUPPORTED'

interface Details {
  readonly cause?: unknown
  readonly retryAfterMs?: number
  readonly error?: string
}

const outages: ReadonlySet<OAuth2ErrorCode> = new Set(['ERR_OAUTH2_UNAVAILABLE', 'ERR_OAUTH2_RESPONSE'])

/**
 * An authorization server that cannot be used (`fault: 'unavailable'`), or a request that makes no sense or was denied (`invalid`).
 * A token that is refused is a value, never an error. No message holds a token, a code or a secret.
 */
export class OAuth2Error extends Error {
  override readonly name = 'OAuth2Error'
  readonly code: OAuth2ErrorCode
  readonly fault: 'unavailable' | 'invalid'
  /** When it makes sense to try again. */
  readonly retryAfterMs?: number
  /** The authorization server's own error code (RFC 6749 sections 4.1.2.1 and 5.2), for `ERR_OAUTH2_DENIED`. */
  readonly error?: string

  constructor(code: OAuth2ErrorCode, message: string, details: Details = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.code = code
    this.fault = outages.has(code) ? 'unavailable' : 'invalid'
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs
    if (details.error !== undefined) this.error = details.error
  }
}

/** An outage that waits at least `retryAfterMs`; what went wrong stays in `cause`. */
export const unavailable = (what: string, cause: unknown, retryAfterMs: number): OAuth2Error =>
  new OAuth2Error('ERR_OAUTH2_UNAVAILABLE', `${what}: ${cause instanceof Error ? cause.message : 'failed'}`, {
    cause,
    retryAfterMs: Math.max(1, Math.ceil(retryAfterMs)),
  })

/** Outside text for a message: quoted, escaped and not too long. */
export const quote = (text: unknown): string => {
  const json = JSON.stringify(typeof text === 'string' ? text.slice(0, 200) : text) ?? String(text)
  return json.replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
