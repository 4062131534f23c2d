import { grantsFromScopes } from '@portcullis/authz'
import { invalid, numberIn, optionalFunction, optionalText, refuseUnknown, textList } from '../checks.ts'
import { quote } from '../errors.ts'
import { ALGORITHMS } from '../token/keys.ts'
import type { Endpoints, FetchFunction, IssuerOptions, OAuth2Event, TokenVerifierOptions } from '../types.ts'
import { checkEndpoint, checkIssuer } from '../http/url.ts'

export interface IssuerSettings {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly mode: 'jwt' | 'introspection' | 'auto'
  readonly algorithms: readonly string[]
  readonly client: { readonly id: string; readonly secret: string } | undefined
  readonly endpoints: { readonly [Name in keyof Endpoints]?: URL }
  readonly tokenPrefix: string | undefined
  readonly maxStaleMs: number
  readonly timeoutMs: number
}

export interface VerifierSettings {
  readonly issuers: readonly IssuerSettings[]
  readonly implies: Readonly<Record<string, readonly string[]>>
  readonly toleranceMs: number
  readonly maxLifetimeMs: number
  readonly maxEntries: number
  readonly maxNegativeEntries: number
  readonly maxAgeMs: number
  readonly negativeMs: number
  readonly fetch: FetchFunction | undefined
  readonly clock: () => number
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly emit: (event: OAuth2Event) => void
}

const FIELDS = [
  'resource',
  'issuers',
  'implies',
  'clockToleranceSec',
  'maxLifetimeSec',
  'cache',
  'fetch',
  'clock',
  'on',
]
const CACHE_FIELDS = ['maxEntries', 'maxNegativeEntries', 'maxAgeMs', 'negativeMs']
const ISSUER_FIELDS = [
  'issuer',
  'audience',
  'mode',
  'algorithms',
  'clientId',
  'clientSecret',
  'endpoints',
  'tokenPrefix',
  'jwks',
  'timeoutMs',
]

/** @throws OAuth2Error `ERR_OAUTH2_OPTIONS` */
export const readVerifierOptions = (options: TokenVerifierOptions): VerifierSettings => {
  refuseUnknown('createTokenVerifier options', options, FIELDS)
  const { cache = {}, clock, on } = options
  refuseUnknown('cache', cache, CACHE_FIELDS)
  optionalFunction('fetch', options.fetch)
  optionalFunction('clock', clock)
  optionalFunction('on', on)
  const resource = textList('resource', options.resource)
  for (const uri of resource) {
    if (!URL.canParse(uri) || uri.includes('#'))
      throw invalid(`resource ${quote(uri)} is not an absolute URI without a fragment`)
  }
  if (!Array.isArray(options.issuers) || options.issuers.length === 0)
    throw invalid('issuers must be a non-empty array')
  const issuers = options.issuers.map((issuer, index) => readIssuer(`issuers[${index}]`, issuer, resource))
  checkTogether(issuers)
  return {
    issuers,
    implies: readImplies(options.implies),
    toleranceMs: numberIn('clockToleranceSec', options.clockToleranceSec, 5, 0, 60) * 1000,
    maxLifetimeMs: numberIn('maxLifetimeSec', options.maxLifetimeSec, 86_400, 60, 31_536_000) * 1000,
    maxEntries: numberIn('cache.maxEntries', cache.maxEntries, 10_000, 0, 1_000_000),
    maxNegativeEntries: numberIn('cache.maxNegativeEntries', cache.maxNegativeEntries, 1000, 0, 100_000),
    maxAgeMs: numberIn('cache.maxAgeMs', cache.maxAgeMs, 30_000, 0, 600_000),
    negativeMs: numberIn('cache.negativeMs', cache.negativeMs, 5000, 0, 60_000),
    fetch: options.fetch,
    clock: clock ?? Date.now,
    now: clock ?? (() => performance.now()),
    emit: (event) => {
      try {
        on?.(event)
      } catch {
        // A listener that throws must not decide who gets in.
      }
    },
  }
}

const readIssuer = (place: string, options: IssuerOptions, resource: readonly string[]): IssuerSettings => {
  refuseUnknown(place, options, ISSUER_FIELDS)
  const {
    issuer,
    audience,
    mode = 'auto',
    algorithms = ALGORITHMS,
    clientId,
    clientSecret,
    tokenPrefix,
    jwks = {},
  } = options
  checkIssuer(`${place}.issuer`, issuer)
  if (!['jwt', 'introspection', 'auto'].includes(mode))
    throw invalid(`${place}.mode must be jwt, introspection or auto`)
  optionalText(`${place}.clientId`, clientId)
  optionalText(`${place}.clientSecret`, clientSecret)
  optionalText(`${place}.tokenPrefix`, tokenPrefix)
  refuseUnknown(`${place}.jwks`, jwks, ['maxStaleMs'])
  for (const algorithm of textList(`${place}.algorithms`, algorithms)) {
    if (ALGORITHMS.includes(algorithm)) continue
    throw invalid(`${place}.algorithms: ${quote(algorithm)} is not one of ${ALGORITHMS.join(', ')}`)
  }
  if (mode === 'introspection' && (clientId === undefined || clientSecret === undefined)) {
    throw invalid(`${place} needs clientId and clientSecret for introspection`)
  }
  const client =
    clientId === undefined || clientSecret === undefined ? undefined : { id: clientId, secret: clientSecret }
  return {
    issuer,
    audience: audience === undefined ? resource : textList(`${place}.audience`, audience),
    mode,
    algorithms: [...algorithms],
    client: mode === 'jwt' ? undefined : client,
    endpoints: readEndpoints(`${place}.endpoints`, options.endpoints),
    tokenPrefix,
    maxStaleMs: numberIn(`${place}.jwks.maxStaleMs`, jwks.maxStaleMs, 3_600_000, 0, 86_400_000),
    timeoutMs: numberIn(`${place}.timeoutMs`, options.timeoutMs, 5000, 100, 60_000),
  }
}

/** @throws OAuth2Error `ERR_OAUTH2_OPTIONS` */
export const readEndpoints = (place: string, endpoints: Endpoints = {}): IssuerSettings['endpoints'] => {
  refuseUnknown(place, endpoints, ['authorization', 'token', 'introspection', 'jwks', 'revocation'])
  const given = Object.entries(endpoints).filter(([, url]) => url !== undefined)
  return Object.fromEntries(given.map(([name, url]) => [name, checkEndpoint(`${place}.${name}`, url)]))
}

/** A token is shown to one issuer only, so two that introspect must be told apart by how their tokens begin. */
const checkTogether = (issuers: readonly IssuerSettings[]): void => {
  if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length) throw invalid('issuers has an issuer twice')
  const asked = issuers.filter(({ client }) => client !== undefined)
  if (asked.length < 2) return
  const prefixes = asked.map(({ tokenPrefix }) => tokenPrefix)
  if (prefixes.includes(undefined) || new Set(prefixes).size < prefixes.length) {
    throw invalid(
      'several issuers introspect tokens: each needs a tokenPrefix of its own, so that a token is shown to one only',
    )
  }
}

const readImplies = (implies: TokenVerifierOptions['implies'] = {}): VerifierSettings['implies'] => {
  try {
    grantsFromScopes([], implies)
  } catch (cause) {
    throw invalid('implies must map scopes to arrays of scopes', cause)
  }
  // A copy without a prototype, so that later changes and inherited names do not count.
  const copy: Record<string, readonly string[]> = Object.create(null)
  for (const [scope, implied] of Object.entries(implies)) copy[scope] = Object.freeze([...implied])
  return Object.freeze(copy)
}
