import { isIPv4 } from 'node:net'
import { invalid } from '../checks.ts'
import { OAuth2Error, quote } from '../errors.ts'

/** True for hosts that are this machine by name or address: `localhost`, 127.0.0.0/8, `[::1]`. */
const isLoopback = (url: URL): boolean => {
  const { hostname } = url
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'))
}

export const isLoopbackHttp = (url: URL): boolean => url.protocol === 'http:' && isLoopback(url)

/** Outside text that is no URL of ours for a message, without a password in it. */
const shown = (text: unknown): string => quote(typeof text === 'string' ? text.replace(/\/\/[^/?#]*@/, '//...@') : text)

const problemOf = (text: unknown, plain: boolean): string | undefined => {
  if (typeof text !== 'string' || !URL.canParse(text) || text.length > 2048 || text.trim() !== text) {
    return 'is not an absolute URL of at most 2048 characters'
  }
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password'
  if (text.includes('#')) return 'must not have a fragment'
  if (url.protocol !== 'https:' && !(plain && isLoopbackHttp(url))) {
    return plain ? 'must be https: (http: is for loopback hosts only)' : 'must be https:'
  }
  return undefined
}

/**
 * An issuer identifier (RFC 8414 section 2): https, or http on loopback, without query and fragment.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const checkIssuer = (what: string, text: unknown): URL => {
  const problem = problemOf(text, true)
  if (problem !== undefined) throw invalid(`${what} ${shown(text)} ${problem}`)
  if ((text as string).includes('?')) throw invalid(`${what} ${shown(text)} must not have a query`)
  return new URL(text as string)
}

/**
 * An endpoint that was configured: https, or http on loopback.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const checkEndpoint = (what: string, text: unknown): URL => {
  const problem = problemOf(text, true)
  if (problem !== undefined) throw invalid(`${what} ${shown(text)} ${problem}`)
  return new URL(text as string)
}

/**
 * An endpoint that an issuer's metadata names. Plain http is believed only of an issuer that is itself plain http on loopback: a document from
 * elsewhere must not point into this machine.
 * @throws OAuth2Error `ERR_OAUTH2_METADATA`
 */
export const checkDiscovered = (what: string, text: unknown, issuer: URL): URL => {
  const problem = problemOf(text, isLoopbackHttp(issuer))
  if (problem !== undefined) throw new OAuth2Error('ERR_OAUTH2_METADATA', `${what} ${shown(text)} ${problem}`)
  return new URL(text as string)
}

/**
 * A URL that a person is sent to: http only on loopback, and never anything that a browser would run.
 * @throws OAuth2Error `ERR_OAUTH2_RESPONSE`
 */
export const checkShown = (what: string, text: unknown): string => {
  const problem = problemOf(text, true)
  if (problem !== undefined) throw new OAuth2Error('ERR_OAUTH2_RESPONSE', `${what} ${shown(text)} ${problem}`)
  return new URL(text as string).href
}
