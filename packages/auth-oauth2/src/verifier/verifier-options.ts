import { grantsFromScopes } from '@portcullis/authz'
import { invalid, numberIn, optionalFunction, optionalText, refuseUnknown, textList } from '../checks.ts'
import { quote } from '../errors.ts'
import { readClientKey, type SigningKey } from '../issuer/client-key.ts'
import type { DpopSettings } from '../proof/possession.ts'
import { createNonces } from '../proof/nonce.ts'
import { memoryReplayStore } from '../proof/replay.ts'
import type { AudienceMode } from '../token/audience.ts'
import { ALGORITHMS } from '../token/keys.ts'
import type {
  DpopOptions,
  Endpoints,
  FetchFunction,
  IssuerOptions,
  OAuth2Event,
  Revocations,
  TokenVerifierOptions,
} from '../types.ts'
import { checkEndpoint, checkIssuer } from '../http/url.ts'

export interface IssuerSettings {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly audienceMode: AudienceMode
  readonly alsoFor: readonly string[]
  readonly clients: readonly string[] | undefined
  readonly profile: 'any' | 'rfc9068'
  readonly requiredClaims: readonly string[]
  readonly scopeClaims: readonly string[]
  readonly scopePrefix: string
  readonly mode: 'jwt' | 'introspection' | 'auto' | 'tokeninfo'
  readonly algorithms: readonly string[]
  /** Who asks; absent where nobody can. */
  readonly client: ({ readonly id: string } & ({ readonly secret: string } | { readonly key: SigningKey })) | undefined
  readonly endpoints: { readonly [Name in keyof Endpoints]?: URL }
  readonly tokenPrefix: string | undefined
  readonly maxStaleMs: number
  readonly timeoutMs: number
  readonly allowsPrivateAddresses: boolean
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
  readonly dpop: DpopSettings
  readonly revocations: Revocations | undefined
  readonly failures: { readonly burst: number; readonly perSecond: number }
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
  'dpop',
  'revocations',
  'failureBudget',
  'fetch',
  'clock',
  'on',
]
const CACHE_FIELDS = ['maxEntries', 'maxNegativeEntries', 'maxAgeMs', 'negativeMs']
const ISSUER_FIELDS = [
  'issuer',
  'audience',
  'audienceMode',
  'alsoFor',
  'clients',
  'profile',
  'requiredClaims',
  'scopes',
  'mode',
  'algorithms',
  'clientId',
  'clientSecret',
  'clientKey',
  'endpoints',
  'tokenPrefix',
  'jwks',
  'timeoutMs',
  'dangerouslyAllowPrivateAddresses',
]
const ENDPOINTS = [
  'authorization',
  'token',
  'introspection',
  'jwks',
  'revocation',
  'deviceAuthorization',
  'registration',
]
const MODES = ['jwt', 'introspection', 'auto', 'tokeninfo']
const AUDIENCE_MODES = ['member', 'exact', 'allowlist', 'client']

/** @throws OAuth2Error `ERR_OAUTH2_OPTIONS` */
export const readVerifierOptions = (options: TokenVerifierOptions): VerifierSettings => {
  refuseUnknown('createTokenVerifier options', options, FIELDS)
  const { cache = {}, failureBudget = {}, revocations, clock, on } = options
  refuseUnknown('cache', cache, CACHE_FIELDS)
  refuseUnknown('failureBudget', failureBudget, ['burst', 'perSecond'])
  if (revocations !== undefined && typeof revocations?.covers !== 'function')
    throw invalid('revocations must have covers()')
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
    dpop: readDpop(options.dpop, clock ?? Date.now),
    revocations,
    failures: {
      burst: numberIn('failureBudget.burst', failureBudget.burst, 100, 1, 1_000_000),
      perSecond: numberIn('failureBudget.perSecond', failureBudget.perSecond, 20, 1, 1_000_000),
    },
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

const oneOf = <T extends string>(what: string, value: T, known: readonly string[]): T => {
  if (!known.includes(value)) throw invalid(`${what} must be one of ${known.join(', ')}`)
  return value
}

const algorithmList = (what: string, algorithms: unknown): readonly string[] => {
  const list = textList(what, algorithms)
  for (const algorithm of list) {
    if (ALGORITHMS.includes(algorithm)) continue
    throw invalid(`${what}: ${quote(algorithm)} is not one of ${ALGORITHMS.join(', ')}`)
  }
  return list
}

const readDpop = (options: DpopOptions = {}, clock: () => number): DpopSettings => {
  refuseUnknown('dpop', options, ['mode', 'algorithms', 'maxAgeSec', 'replay', 'nonce'])
  const { mode = 'allow', algorithms = ALGORITHMS, replay, nonce } = options
  if (replay !== undefined && typeof replay?.claim !== 'function') throw invalid('dpop.replay must have claim()')
  if (nonce !== undefined) refuseUnknown('dpop.nonce', nonce, ['secrets', 'maxAgeSec'])
  const secrets = nonce?.secrets ?? []
  if (!Array.isArray(secrets) || !secrets.every((secret) => secret instanceof Uint8Array && secret.length >= 32)) {
    throw invalid('dpop.nonce.secrets must be an array of 32 bytes or more each')
  }
  const nonceAgeMs = numberIn('dpop.nonce.maxAgeSec', nonce?.maxAgeSec, 300, 10, 3600) * 1000
  return {
    mode: oneOf('dpop.mode', mode, ['allow', 'require', 'off']),
    algorithms: algorithmList('dpop.algorithms', algorithms),
    maxAgeMs: numberIn('dpop.maxAgeSec', options.maxAgeSec, 60, 1, 600) * 1000,
    replay: replay ?? memoryReplayStore({ clock }),
    ...(nonce === undefined ? {} : { nonces: createNonces(secrets, nonceAgeMs, clock) }),
  }
}

const readIssuer = (place: string, options: IssuerOptions, resource: readonly string[]): IssuerSettings => {
  refuseUnknown(place, options, ISSUER_FIELDS)
  const { issuer, audience, clients, alsoFor, scopes = {}, tokenPrefix, jwks = {} } = options
  const audienceMode = oneOf(`${place}.audienceMode`, options.audienceMode ?? 'member', AUDIENCE_MODES)
  checkIssuer(`${place}.issuer`, issuer)
  optionalText(`${place}.tokenPrefix`, tokenPrefix)
  refuseUnknown(`${place}.jwks`, jwks, ['maxStaleMs'])
  refuseUnknown(`${place}.scopes`, scopes, ['claims', 'prefix'])
  optionalText(`${place}.scopes.prefix`, scopes.prefix)
  if (audienceMode === 'client' && clients === undefined)
    throw invalid(`${place} needs clients for audienceMode client`)
  if (alsoFor !== undefined && audienceMode !== 'allowlist')
    throw invalid(`${place}.alsoFor goes with audienceMode allowlist`)
  const mode = oneOf(`${place}.mode`, options.mode ?? 'auto', MODES)
  const dangerous = options.dangerouslyAllowPrivateAddresses ?? false
  if (typeof dangerous !== 'boolean') throw invalid(`${place}.dangerouslyAllowPrivateAddresses must be a boolean`)
  const settings = {
    issuer,
    audience: audience === undefined ? resource : textList(`${place}.audience`, audience),
    audienceMode,
    alsoFor: alsoFor === undefined ? [] : textList(`${place}.alsoFor`, alsoFor),
    clients: clients === undefined ? undefined : textList(`${place}.clients`, clients),
    profile: oneOf(`${place}.profile`, options.profile ?? 'any', ['any', 'rfc9068']),
    requiredClaims:
      options.requiredClaims === undefined ? [] : textList(`${place}.requiredClaims`, options.requiredClaims),
    scopeClaims: textList(`${place}.scopes.claims`, scopes.claims ?? ['scope', 'scp']),
    scopePrefix: scopes.prefix ?? '',
    mode,
    algorithms: algorithmList(`${place}.algorithms`, options.algorithms ?? ALGORITHMS),
    client: readClient(place, options, mode),
    endpoints: readEndpoints(`${place}.endpoints`, options.endpoints),
    tokenPrefix,
    maxStaleMs: numberIn(`${place}.jwks.maxStaleMs`, jwks.maxStaleMs, 3_600_000, 0, 86_400_000),
    timeoutMs: numberIn(`${place}.timeoutMs`, options.timeoutMs, 5000, 100, 60_000),
    allowsPrivateAddresses: dangerous,
  }
  if (mode === 'tokeninfo' && settings.endpoints.introspection === undefined) {
    throw invalid(`${place} needs endpoints.introspection for tokeninfo`)
  }
  return settings
}

const readClient = (place: string, options: IssuerOptions, mode: string): IssuerSettings['client'] => {
  const { clientId, clientSecret, clientKey } = options
  optionalText(`${place}.clientId`, clientId)
  optionalText(`${place}.clientSecret`, clientSecret)
  if (clientSecret !== undefined && clientKey !== undefined)
    throw invalid(`${place} has both clientSecret and clientKey`)
  const key = clientKey === undefined ? undefined : readClientKey(`${place}.clientKey`, clientKey)
  const complete = clientId !== undefined && (clientSecret !== undefined || key !== undefined)
  if (mode === 'introspection' && !complete) {
    throw invalid(`${place} needs clientId and clientSecret or clientKey for introspection`)
  }
  if (mode === 'jwt' || mode === 'tokeninfo' || !complete) return undefined
  return key === undefined ? { id: clientId, secret: clientSecret as string } : { id: clientId, key }
}

/** @throws OAuth2Error `ERR_OAUTH2_OPTIONS` */
export const readEndpoints = (place: string, endpoints: Endpoints = {}): IssuerSettings['endpoints'] => {
  refuseUnknown(place, endpoints, ENDPOINTS)
  const given = Object.entries(endpoints).filter(([, url]) => url !== undefined)
  return Object.fromEntries(given.map(([name, url]) => [name, checkEndpoint(`${place}.${name}`, url)]))
}

/** A token is shown to one issuer only, so two that introspect must be told apart by how their tokens begin. */
const checkTogether = (issuers: readonly IssuerSettings[]): void => {
  if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length) throw invalid('issuers has an issuer twice')
  const asked = issuers.filter(({ client, mode }) => client !== undefined || mode === 'tokeninfo')
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
