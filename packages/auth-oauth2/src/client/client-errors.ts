import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from 'oauth4webapi'
import { OAuth2Error, quote } from '../errors.ts'

const TEMPORARY = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

/** The server's refusal as an error: `temporarily_unavailable` and its like are outages. */
export const denied = (
  what: string,
  error: string,
  description: string | null | undefined,
  cause?: unknown,
): OAuth2Error => {
  // A server that repeats what it was sent may repeat a token.
  const said = typeof description === 'string' ? description.replace(/[\w.~+/=-]{20,}/g, '...') : ''
  const why = said === '' ? '' : `: ${quote(said)}`
  const message = `${what} was refused with ${quote(error)}${why}`
  const details = { error, ...(cause === undefined ? {} : { cause }) }
  return TEMPORARY.has(error)
    ? new OAuth2Error('ERR_OAUTH2_UNAVAILABLE', message, { ...details, retryAfterMs: 1000 })
    : new OAuth2Error('ERR_OAUTH2_DENIED', message, details)
}

/** Makes our error of whatever a request to an authorization server threw. */
export const translated = (what: string, error: unknown): OAuth2Error => {
  if (error instanceof OAuth2Error) return error
  // Causes of these hold answers, with tokens in them perhaps; what is needed is copied instead.
  if (error instanceof ResponseBodyError) return denied(what, error.error, error.error_description)
  if (error instanceof AuthorizationResponseError) return denied(what, error.error, error.error_description)
  if (error instanceof WWWAuthenticateChallengeError) {
    return new OAuth2Error('ERR_OAUTH2_DENIED', `${what} was refused with status ${error.status}`, {
      error: 'invalid_client',
    })
  }
  const message = error instanceof Error ? error.message : 'it makes no sense'
  return new OAuth2Error('ERR_OAUTH2_RESPONSE', `the answer to ${what} cannot be used: ${message}`)
}
