import { createBreaker } from './breaker.ts'
import { checkClaims, type CheckedClaims, type ClaimRules } from '../token/claims.ts'
import { OAuth2Error } from '../errors.ts'
import { type Http, jsonOf, statusError } from '../http/http.ts'
import type { HttpResponse } from '../http/http-types.ts'
import { parseStrictObject } from '../token/strict-json.ts'
import type { RefusalReason } from '../types.ts'

const MAX_BYTES = 65_536
/** What a 400 says of the token that was asked about, and of nothing else: RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 7009 section 2.2.1. */
const OF_THE_TOKEN: ReadonlySet<unknown> = new Set(['invalid_request', 'invalid_token', 'unsupported_token_type'])

export interface IntrospectionOptions {
  readonly endpoint: () => URL | Promise<URL>
  readonly clientId: string
  readonly clientSecret: string
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

/** RFC 6749 section 2.3.1: each half is form-encoded before the two are joined. */
export const basicAuthorization = (clientId: string, clientSecret: string): string => {
  const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`
}

/** Asks the issuer about a token (RFC 7662). Rejects when it cannot be asked, which never looks like an inactive token. */
export const createIntrospection = (
  options: IntrospectionOptions,
): ((token: string) => Promise<CheckedClaims | RefusalReason>) => {
  const { http, timeoutMs, rules, clock } = options
  const breaker = createBreaker(`introspection at ${rules.issuer}`, options.now)
  const headers = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
    authorization: basicAuthorization(options.clientId, options.clientSecret),
  }

  const ask = async (token: string): Promise<Readonly<Record<string, unknown>> | OAuth2Error | undefined> => {
    const url = await options.endpoint()
    const body = new URLSearchParams({ token, token_type_hint: 'access_token' }).toString()
    const response: HttpResponse = await http.send({
      url,
      method: 'POST',
      headers,
      body,
      maxBytes: MAX_BYTES,
      timeoutMs,
      repeatable: true,
    })
    const what = `POST ${url.href}`
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
    return jsonOf(what, response)
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
    if (!isBearer(answer['token_type'])) return 'type'
    return checkClaims(answer, clock(), rules)
  }
}

/** RFC 7662 leaves `token_type` optional; some servers tell the kind of token in it instead. */
const isBearer = (type: unknown): boolean =>
  type === undefined || (typeof type === 'string' && ['bearer', 'access_token'].includes(type.toLowerCase()))
