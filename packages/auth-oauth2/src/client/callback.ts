import { timingSafeEqual } from 'node:crypto'
import { denied } from './client-errors.ts'
import { invalid } from '../checks.ts'
import { OAuth2Error } from '../errors.ts'

const MAX_QUERY_CHARS = 32_768

/** What the callback is checked against. */
export interface Expected {
  readonly state: string
  readonly issuer: string | undefined
  /** RFC 9207: the server always names itself. */
  readonly issParameter: boolean
}

/**
 * Reads an authorization response: the state first, then the issuer by exact text (RFC 9207 section 2.4), and only then what it says.
 * @throws OAuth2Error `ERR_OAUTH2_STATE`, `ERR_OAUTH2_ISSUER`, `ERR_OAUTH2_DENIED`
 */
export const readCallback = (callback: URL | string | URLSearchParams, expected: Expected): URLSearchParams => {
  const parameters = queryOf(callback)
  const one = (name: string): string | undefined => {
    const values = parameters.getAll(name)
    if (values.length > 1) throw new OAuth2Error('ERR_OAUTH2_STATE', `the callback has ${name} twice`)
    return values[0]
  }
  const state = one('state')
  if (state === undefined || !equal(state, expected.state)) {
    throw new OAuth2Error('ERR_OAUTH2_STATE', 'the state of the callback is not the one of this sign-in')
  }
  const iss = one('iss')
  if (iss === undefined ? expected.issParameter : iss !== expected.issuer) {
    const known = expected.issuer === undefined ? 'none is configured' : 'it is not the one that was asked'
    throw new OAuth2Error('ERR_OAUTH2_ISSUER', `the callback names ${iss === undefined ? 'no' : 'an'} issuer: ${known}`)
  }
  const error = one('error')
  if (error !== undefined) throw denied('authorization', error, one('error_description'))
  const code = one('code')
  if (code === undefined || code === '') throw new OAuth2Error('ERR_OAUTH2_STATE', 'the callback has no code')
  return parameters
}

const queryOf = (callback: URL | string | URLSearchParams): URLSearchParams => {
  if (callback instanceof URLSearchParams) return callback
  if (callback instanceof URL) return callback.searchParams
  if (typeof callback !== 'string' || callback.length > MAX_QUERY_CHARS)
    throw invalid('callback must be a URL or a query')
  const mark = callback.indexOf('?')
  const query = mark < 0 ? callback : callback.slice(mark + 1)
  return new URLSearchParams(query.split('#', 1)[0])
}

const equal = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
