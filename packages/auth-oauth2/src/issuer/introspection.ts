import { OAuth2Error } from '../errors.ts'
import { type Http, jsonOf, statusError } from '../http/http.ts'
import type { Endpoint, HttpResponse } from '../http/http-types.ts'
import { type CheckedClaims, checkClaims, type ClaimRules } from '../token/claims.ts'
import { parseStrictObject } from '../token/strict-json.ts'
import type { RefusalReason } from '../types.ts'
import { createBreaker } from './breaker.ts'
import type { Questioner } from './questioner.ts'

const MAX_BYTES = 65_536
/** What a 400 says of the token that was asked about, and of nothing else: RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 7009 section 2.2.1. */
const OF_THE_TOKEN: ReadonlySet<unknown> = new Set(['invalid_request', 'invalid_token', 'unsupported_token_type'])

/** Statuses of a firewall or a router that did not like the request. */
const OF_THE_REQUEST: ReadonlySet<number> = new Set([403, 404, 406, 413, 414, 415, 418, 422, 431])

export interface IntrospectionOptions {
  readonly endpoint: () => Promise<Endpoint>
  readonly questioner: Questioner
  readonly rules: ClaimRules
  readonly http: Http
  readonly timeoutMs: number
  readonly clock: () => number
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly onFailed: (error: unknown) => void
  /** The server would not look at a token (status 400 that says so). */
  readonly onRefused: () => void
}

/** Asks the issuer about a token. Rejects when it cannot be asked, which never looks like an inactive token. */
export const createIntrospection = (
  options: IntrospectionOptions,
): ((token: string) => Promise<CheckedClaims | RefusalReason>) => {
  const { http, timeoutMs, rules, clock, questioner } = options
  const breaker = createBreaker(`introspection at ${rules.issuer}`, options.now)

  /** The members of the answer, undefined for a token that the server would not look at, or an error that says nothing about the server. */
  const ask = async (token: string): Promise<Readonly<Record<string, unknown>> | OAuth2Error | undefined> => {
    const endpoint = await options.endpoint()
    const response: HttpResponse = await http.send({
      ...endpoint,
      method: 'POST',
      ...(await questioner.ask(token)),
      maxBytes: MAX_BYTES,
      timeoutMs,
      repeatable: true,
    })
    const what = `POST ${endpoint.url.href}`
    if (response.status === 400) {
      const problem = parseStrictObject(response.body)?.['error']
      // About this token, not about the server: a stranger's odd token must not stop the questions about others.
      if (OF_THE_TOKEN.has(problem)) {
        options.onRefused()
        return undefined
      }
      // Not in the words of OAuth: a proxy's page, which an odd token can bring about too. It decides nothing about either.
      if (typeof problem !== 'string') return statusError(what, response)
    }
    // What stands before a server turns odd texts away in its own words: that is about this token too, and decides nothing.
    if (OF_THE_REQUEST.has(response.status)) return statusError(what, response)
    const answer = questioner.read(jsonOf(what, response))
    if (!Object.hasOwn(answer, 'active'))
      throw new OAuth2Error('ERR_OAUTH2_RESPONSE', `${what} does not say whether it is active`)
    return answer
  }

  return async (token) => {
    const answer = await breaker.run(() =>
      ask(token).catch((error: unknown) => {
        options.onFailed(error)
        throw error
      }),
    )
    if (answer instanceof OAuth2Error) {
      options.onFailed(answer)
      throw answer
    }
    if (answer === undefined || answer['active'] !== true) return 'inactive'
    if (answer['iss'] !== undefined && answer['iss'] !== rules.issuer) return 'issuer'
    if (!isAccessToken(answer['token_type'], answer['cnf'])) return 'type'
    return checkClaims(answer, clock(), rules)
  }
}

/**
 * RFC 7662 leaves `token_type` optional; some servers tell the kind of token in it instead. One of type DPoP that does not say what it is bound to
 * (RFC 9449 section 6.2) would be as good as a bearer token.
 */
const isAccessToken = (type: unknown, cnf: unknown): boolean => {
  if (type === undefined) return true
  const name = typeof type === 'string' ? type.toLowerCase() : ''
  return name === 'bearer' || name === 'access_token' || (name === 'dpop' && cnf !== undefined)
}
