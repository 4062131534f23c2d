import { invalid, optionalText, refuseUnknown, textList } from '../checks.ts'
import { quote } from '../errors.ts'
import { isLoopbackHttp } from '../http/url.ts'
import { readScopes } from './client-options.ts'

/** What a client says of itself (RFC 7591 section 2). */
export interface ClientDescription {
  readonly clientName: string
  /** `https:`, `http:` on loopback, or a scheme of the program's own (`com.example.app:/callback`, RFC 8252 section 7.1). */
  readonly redirectUris?: readonly string[]
  /** Default `authorization_code` and `refresh_token`. */
  readonly grantTypes?: readonly string[]
  /** Default `none`: a public client. */
  readonly tokenEndpointAuthMethod?: 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'
  readonly scopes?: readonly string[]
  readonly clientUri?: string
  readonly logoUri?: string
  readonly softwareId?: string
  readonly softwareVersion?: string
  /** Public keys for `private_key_jwt`. */
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
}

const FIELDS = [
  'clientName',
  'redirectUris',
  'grantTypes',
  'tokenEndpointAuthMethod',
  'scopes',
  'clientUri',
  'logoUri',
  'softwareId',
  'softwareVersion',
  'jwks',
]
const METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** Whether a browser that is sent there runs something: these schemes are no way back to a program. */
const isDangerous = (url: URL): boolean =>
  ['javascript:', 'data:', 'vbscript:', 'file:', 'blob:', 'about:'].includes(url.protocol)

const checkRedirect = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const plain = url?.protocol === 'http:' && !isLoopbackHttp(url)
  if (
    url === undefined ||
    plain ||
    isDangerous(url) ||
    text.includes('#') ||
    url.username !== '' ||
    url.password !== ''
  ) {
    throw invalid(`redirectUris: ${quote(text)} is neither https, http on loopback, nor a scheme of the program's own`)
  }
  return url
}

/** The members of a client's description in the words of RFC 7591. @throws OAuth2Error `ERR_OAUTH2_OPTIONS` */
export const describeClient = (
  what: string,
  given: ClientDescription,
  others: readonly string[] = [],
): Readonly<Record<string, unknown>> => {
  refuseUnknown(what, given, [...FIELDS, ...others])
  const { clientName, tokenEndpointAuthMethod: method = 'none', jwks } = given
  for (const name of ['clientUri', 'logoUri', 'softwareId', 'softwareVersion'] as const) optionalText(name, given[name])
  if (typeof clientName !== 'string' || clientName === '') throw invalid('clientName must be a non-empty string')
  if (!METHODS.includes(method)) throw invalid(`tokenEndpointAuthMethod must be one of ${METHODS.join(', ')}`)
  const redirectUris = given.redirectUris === undefined ? [] : textList('redirectUris', given.redirectUris)
  const urls = redirectUris.map(checkRedirect)
  const grantTypes = textList('grantTypes', given.grantTypes ?? ['authorization_code', 'refresh_token'])
  if (grantTypes.includes('authorization_code') && redirectUris.length === 0) {
    throw invalid('the authorization code flow needs redirectUris')
  }
  const scopes = readScopes(given.scopes ?? [])
  if (jwks !== undefined) checkPublic(jwks)
  if (method === 'private_key_jwt' && jwks === undefined) throw invalid('private_key_jwt needs jwks')
  const isNative = urls.every((url) => url.protocol !== 'https:')
  return {
    client_name: clientName,
    ...(redirectUris.length === 0 ? {} : { redirect_uris: redirectUris }),
    grant_types: grantTypes,
    response_types: grantTypes.includes('authorization_code') ? ['code'] : [],
    token_endpoint_auth_method: method,
    application_type: isNative ? 'native' : 'web',
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    ...(given.clientUri === undefined ? {} : { client_uri: given.clientUri }),
    ...(given.logoUri === undefined ? {} : { logo_uri: given.logoUri }),
    ...(given.softwareId === undefined ? {} : { software_id: given.softwareId }),
    ...(given.softwareVersion === undefined ? {} : { software_version: given.softwareVersion }),
    ...(jwks === undefined ? {} : { jwks }),
  }
}

/** A private key that is published is one no more. */
const checkPublic = (jwks: NonNullable<ClientDescription['jwks']>): void => {
  const keys = Array.isArray(jwks?.keys) ? jwks.keys : []
  if (keys.length === 0) throw invalid('jwks must have keys')
  for (const key of keys) {
    if (typeof key !== 'object' || key === null || PRIVATE.some((name) => Object.hasOwn(key, name))) {
      throw invalid('jwks must hold public keys alone')
    }
  }
}
