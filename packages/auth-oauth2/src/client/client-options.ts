import { invalid, numberIn, optionalFunction, optionalText, refuseUnknown } from '../checks.ts'
import { quote } from '../errors.ts'
import { checkEndpoint, checkIssuer } from '../http/url.ts'
import { readClientKey, type SigningKey } from '../issuer/client-key.ts'
import { isScope } from '../token/scopes.ts'
import type { Endpoints } from '../types.ts'
import { readEndpoints } from '../verifier/verifier-options.ts'
import type { OAuthClientOptions } from './client-types.ts'

const FIELDS = [
  'issuer',
  'discovered',
  'dangerouslyAllowPrivateAddresses',
  'endpoints',
  'clientId',
  'clientSecret',
  'clientAuth',
  'clientKey',
  'dpop',
  'redirectUri',
  'resource',
  'scopes',
  'timeoutMs',
  'fetch',
  'clock',
]

export interface ClientSettings extends Omit<OAuthClientOptions, 'endpoints' | 'clientKey'> {
  readonly endpoints: { readonly [Name in keyof Endpoints]?: URL }
  readonly discovers: boolean
  readonly key: SigningKey | undefined
  readonly scopes: readonly string[]
  readonly timeoutMs: number
  readonly clock: () => number
  /** Monotonic milliseconds. */
  readonly now: () => number
}

const optionalBoolean = (what: string, value: unknown): void => {
  if (value !== undefined && typeof value !== 'boolean') throw invalid(`${what} must be a boolean`)
}

/** @throws OAuth2Error `ERR_OAUTH2_OPTIONS` */
export const readClientOptions = (options: OAuthClientOptions): ClientSettings => {
  refuseUnknown('createOAuthClient options', options, FIELDS)
  const { clientKey, ...plain } = options
  const { issuer, clientId, clientSecret, clientAuth, redirectUri, resource, clock = Date.now } = options
  if (issuer !== undefined) checkIssuer('issuer', issuer)
  const endpoints = readEndpoints('endpoints', options.endpoints)
  const explicit = endpoints.authorization !== undefined || endpoints.token !== undefined
  if (issuer === undefined && !explicit) throw invalid('createOAuthClient needs an issuer or endpoints')
  if (typeof clientId !== 'string' || clientId === '') throw invalid('clientId must be a non-empty string')
  optionalText('clientSecret', clientSecret)
  optionalBoolean('dpop', options.dpop)
  optionalBoolean('discovered', options.discovered)
  optionalBoolean('dangerouslyAllowPrivateAddresses', options.dangerouslyAllowPrivateAddresses)
  if (clientSecret !== undefined && clientKey !== undefined) throw invalid('a client has a secret or a key, not both')
  if (clientAuth !== undefined && !['basic', 'post'].includes(clientAuth))
    throw invalid('clientAuth must be basic or post')
  if (redirectUri !== undefined && (!URL.canParse(redirectUri) || redirectUri.includes('#'))) {
    throw invalid(`redirectUri ${quote(redirectUri)} is not an absolute URL without a fragment`)
  }
  if (resource !== undefined) checkEndpoint('resource', resource)
  optionalFunction('fetch', options.fetch)
  optionalFunction('clock', options.clock)
  return {
    ...plain,
    endpoints,
    discovers: !explicit,
    key: clientKey === undefined ? undefined : readClientKey('clientKey', clientKey),
    scopes: readScopes(options.scopes ?? []),
    timeoutMs: numberIn('timeoutMs', options.timeoutMs, 10_000, 100, 60_000),
    clock,
    now: options.clock ?? (() => performance.now()),
  }
}

/** @throws OAuth2Error `ERR_OAUTH2_OPTIONS` */
export const readScopes = (scopes: unknown): readonly string[] => {
  const list: readonly unknown[] = Array.isArray(scopes) ? scopes : [scopes]
  for (const scope of list) {
    if (typeof scope !== 'string' || !isScope(scope)) {
      throw invalid(`scopes: ${quote(scope)} is no scope (RFC 6749 section 3.3)`)
    }
  }
  return [...new Set(list as readonly string[])]
}
