import { inspect } from 'node:util'
import { invalid, numberIn, optionalFunction, optionalText } from '../checks.ts'
import { OAuth2Error, quote } from '../errors.ts'
import { createHttp, jsonOf, statusError } from '../http/http.ts'
import { checkEndpoint, checkIssuer } from '../http/url.ts'
import { fetchMetadata } from '../issuer/metadata.ts'
import { parseStrictObject } from '../token/strict-json.ts'
import type { FetchFunction } from '../types.ts'
import { denied } from './client-errors.ts'
import { type ClientDescription, describeClient } from './describe-client.ts'

export interface RegistrationOptions extends ClientDescription {
  readonly issuer: string
  /** As of `discoverAuthorization`. Default false. */
  readonly discovered?: boolean
  /** Default: what the issuer's metadata says. */
  readonly endpoint?: string
  readonly initialAccessToken?: string
  readonly timeoutMs?: number
  readonly fetch?: FetchFunction
}

/** A client as an authorization server registered it. The secret and the access token are left out by `JSON.stringify` and `console.log`. */
export interface RegisteredClient {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret?: string
  /** Milliseconds since the epoch; absent where it does not end. */
  readonly clientSecretExpiresAtMs?: number
  readonly registrationClientUri?: string
  readonly registrationAccessToken?: string
}

const FIELDS = ['issuer', 'discovered', 'endpoint', 'initialAccessToken', 'timeoutMs', 'fetch']
const MAX_BYTES = 65_536

/**
 * Registers a client (RFC 7591). A client without redirect URIs on other hosts than this machine is `native`, any other `web`.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`, `ERR_OAUTH2_UNSUPPORTED`, `ERR_OAUTH2_DENIED`, `ERR_OAUTH2_RESPONSE`, `ERR_OAUTH2_UNAVAILABLE`
 */
export const registerClient = async (options: RegistrationOptions): Promise<RegisteredClient> => {
  const {
    issuer,
    discovered: foreign = false,
    endpoint,
    initialAccessToken,
    timeoutMs: given,
    fetch,
    ...described
  } = options
  const issuerUrl = checkIssuer('issuer', issuer)
  if (typeof foreign !== 'boolean') throw invalid('discovered must be a boolean')
  optionalText('initialAccessToken', initialAccessToken)
  optionalFunction('fetch', fetch)
  const timeoutMs = numberIn('timeoutMs', given, 10_000, 100, 60_000)
  const description = describeClient('registerClient options', described, FIELDS)
  const http = createHttp(fetch)
  try {
    const configured = endpoint === undefined ? undefined : checkEndpoint('endpoint', endpoint)
    const url = configured ?? (await fetchMetadata(issuer, http, timeoutMs, foreign)).endpoints.registration
    if (url === undefined) {
      throw new OAuth2Error('ERR_OAUTH2_UNSUPPORTED', `${quote(issuer)} has no registration endpoint`)
    }
    const response = await http.send({
      url,
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        ...(initialAccessToken === undefined ? {} : { authorization: `Bearer ${initialAccessToken}` }),
      },
      body: JSON.stringify(description),
      maxBytes: MAX_BYTES,
      timeoutMs,
      repeatable: false,
      foreign: configured === undefined && (foreign || url.hostname !== issuerUrl.hostname),
    })
    if (response.status === 400 || response.status === 401 || response.status === 403) {
      const answer = parseStrictObject(response.body) ?? {}
      const error = typeof answer['error'] === 'string' ? answer['error'] : `status ${response.status}`
      throw denied(
        'registration',
        error,
        typeof answer['error_description'] === 'string' ? answer['error_description'] : null,
      )
    }
    if (response.status !== 201 && response.status !== 200) throw statusError(`POST ${url.href}`, response)
    return readRegistered(issuer, jsonOf(`POST ${url.href}`, { ...response, status: 200 }))
  } finally {
    http.close()
  }
}

const readRegistered = (issuer: string, answer: Readonly<Record<string, unknown>>): RegisteredClient => {
  const text = (name: string): string | undefined => {
    const value = answer[name]
    if (value === undefined || value === null) return undefined
    if (typeof value === 'string' && value !== '' && value.length <= 4096) return value
    throw new OAuth2Error('ERR_OAUTH2_RESPONSE', `the registration has an odd ${name}`)
  }
  const clientId = text('client_id')
  if (clientId === undefined) throw new OAuth2Error('ERR_OAUTH2_RESPONSE', 'the registration has no client_id')
  const clientSecret = text('client_secret')
  const registrationClientUri = text('registration_client_uri')
  const registrationAccessToken = text('registration_access_token')
  const endsSec = answer['client_secret_expires_at']
  const client = {
    issuer,
    clientId,
    ...(typeof endsSec === 'number' && endsSec > 0 ? { clientSecretExpiresAtMs: endsSec * 1000 } : {}),
    ...(registrationClientUri === undefined ? {} : { registrationClientUri }),
  }
  for (const [name, value] of Object.entries({ clientSecret, registrationAccessToken })) {
    if (value !== undefined) Object.defineProperty(client, name, { value, enumerable: false })
  }
  const printed = { ...client, ...(clientSecret === undefined ? {} : { clientSecret: '[hidden]' }) }
  Object.defineProperty(client, inspect.custom, { value: () => printed, enumerable: false })
  return Object.freeze(client)
}
