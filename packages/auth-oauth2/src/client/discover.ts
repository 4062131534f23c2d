import { invalid, numberIn, optionalFunction, optionalText, refuseUnknown } from '../checks.ts'
import { OAuth2Error, quote } from '../errors.ts'
import { createHttp, jsonOf } from '../http/http.ts'
import { checkDiscovered, checkEndpoint, isLoopbackHttp } from '../http/url.ts'
import { fetchMetadata, type ServerMetadata } from '../issuer/metadata.ts'
import { isScope } from '../token/scopes.ts'
import type { FetchFunction } from '../types.ts'
import { parseChallenges } from './challenges.ts'

export interface DiscoverOptions {
  /** The `WWW-Authenticate` of a 401 of the resource: says where its metadata is, and which scopes to ask for. */
  readonly challenge?: string
  /** Which of several authorization servers. Default: the first. */
  readonly choose?: (issuers: readonly string[]) => string
  /** Deadline of one request in ms: 100 to 60,000, default 10,000. */
  readonly timeoutMs?: number
  readonly fetch?: FetchFunction
}

/** How tokens for a resource are had. */
export interface DiscoveredAuthorization {
  /** What the resource calls itself: `resource` of the requests. */
  readonly resource: string
  readonly issuer: string
  /** All that the resource names. */
  readonly issuers: readonly string[]
  /** What to ask for: of the challenge, else of the resource's metadata. */
  readonly scopes: readonly string[]
  /** A client may be the URL of a document (`clientMetadataDocument`). */
  readonly supportsClientMetadataDocuments: boolean
  /** Clients can be registered there (`registerClient`). */
  readonly supportsRegistration: boolean
  /** True: give it to `createOAuthClient` and `registerClient`, as all of this came from outside. False for a resource on loopback. */
  readonly discovered: boolean
}

const FIELDS = ['challenge', 'choose', 'timeoutMs', 'fetch']
const MAX_BYTES = 262_144
const MAX_ISSUERS = 20
const ROOT = '/.well-known/oauth-protected-resource'

/**
 * Finds out where tokens for an MCP server are had: its metadata (RFC 9728; of the challenge, else the two well-known places), then that of its authorization
 * server (RFC 8414, OpenID Connect). Every URL came from outside: https, on the public internet, redirects not followed; http and loopback only if
 * the resource itself is there.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`, `ERR_OAUTH2_METADATA` (none, or it is another resource's), `ERR_OAUTH2_UNAVAILABLE`
 */
export const discoverAuthorization = async (
  resourceUrl: string,
  options: DiscoverOptions = {},
): Promise<DiscoveredAuthorization> => {
  refuseUnknown('discoverAuthorization options', options, FIELDS)
  optionalFunction('choose', options.choose)
  optionalText('challenge', options.challenge)
  const base = checkEndpoint('resource', resourceUrl)
  const timeoutMs = numberIn('timeoutMs', options.timeoutMs, 10_000, 100, 60_000)
  const foreign = !isLoopbackHttp(base)
  const http = createHttp(options.fetch)
  const challenge = bearerOf(options.challenge)

  const read = async (url: URL): Promise<Readonly<Record<string, unknown>>> =>
    jsonOf(
      `GET ${url.href}`,
      await http.send({
        url,
        method: 'GET',
        headers: { accept: 'application/json' },
        maxBytes: MAX_BYTES,
        timeoutMs,
        repeatable: true,
        foreign,
      }),
    )

  try {
    const document = await firstOf(placesOf(base, challenge['resource_metadata']), read)
    const resource = resourceOf(document, base)
    const issuers = issuersOf(document, base)
    const issuer = options.choose?.(issuers) ?? (issuers[0] as string)
    if (!issuers.includes(issuer)) throw invalid('choose must answer one of the issuers')
    // A resource on this machine may have its authorization server here too, and nowhere inside a network.
    const discovered = !isLoopbackHttp(new URL(issuer))
    const metadata: ServerMetadata = await fetchMetadata(issuer, http, timeoutMs, discovered)
    const supported = Array.isArray(document['scopes_supported']) ? document['scopes_supported'] : []
    const asked: readonly unknown[] = challenge['scope'] === undefined ? supported : challenge['scope'].split(' ')
    return Object.freeze({
      resource,
      issuer,
      issuers: Object.freeze(issuers),
      scopes: Object.freeze(asked.filter((scope): scope is string => typeof scope === 'string' && isScope(scope))),
      supportsClientMetadataDocuments: metadata.clientMetadataDocuments,
      supportsRegistration: metadata.endpoints.registration !== undefined,
      discovered,
    })
  } finally {
    http.close()
  }
}

const bearerOf = (header: string | undefined): Readonly<Record<string, string>> =>
  parseChallenges(header ?? '').find(({ scheme }) => scheme === 'bearer' || scheme === 'dpop')?.parameters ?? {}

/** Where the metadata may be: what the challenge says, else the path-inserted place and the root (RFC 9728 section 3.1). */
const placesOf = (base: URL, told: string | undefined): readonly URL[] => {
  if (told !== undefined) {
    const url = checkDiscovered('resource_metadata', told, base)
    // Who answers for the resource says where its metadata is; another origin could speak for it to lead clients astray.
    if (url.origin !== base.origin)
      throw metadataError(`resource_metadata ${quote(told)} is not of the resource's origin`)
    return [url]
  }
  const path = base.pathname === '/' ? '' : base.pathname.replace(/\/$/, '')
  const paths = new Set([`${ROOT}${path}${base.search}`, ROOT])
  return [...paths].map((place) => new URL(place, base.origin))
}

const metadataError = (message: string, cause?: unknown): OAuth2Error =>
  new OAuth2Error('ERR_OAUTH2_METADATA', message, cause === undefined ? {} : { cause })

const firstOf = async (
  urls: readonly URL[],
  read: (url: URL) => Promise<Readonly<Record<string, unknown>>>,
): Promise<Readonly<Record<string, unknown>>> => {
  let failure: unknown
  for (const url of urls) {
    try {
      return await read(url)
    } catch (error) {
      if (error instanceof OAuth2Error && error.code === 'ERR_OAUTH2_UNAVAILABLE') throw error
      failure ??= error
    }
  }
  throw metadataError(`${quote(urls[0]?.origin)} has no resource metadata`, failure)
}

/** RFC 9728 section 3.3: the document must be this resource's, or of one that it is a part of. */
const resourceOf = (document: Readonly<Record<string, unknown>>, base: URL): string => {
  const resource = document['resource']
  const url = typeof resource === 'string' && URL.canParse(resource) ? new URL(resource) : undefined
  const path = url?.pathname.replace(/\/$/, '')
  const contains =
    url !== undefined && url.origin === base.origin && `${base.pathname.replace(/\/$/, '')}/`.startsWith(`${path}/`)
  if (!contains) throw metadataError(`the metadata is that of ${quote(resource)}`)
  return resource as string
}

const issuersOf = (document: Readonly<Record<string, unknown>>, base: URL): string[] => {
  const issuers = document['authorization_servers']
  if (!Array.isArray(issuers) || issuers.length === 0 || issuers.length > MAX_ISSUERS) {
    throw metadataError('the resource metadata names no authorization server')
  }
  for (const issuer of issuers) checkDiscovered('authorization_servers', issuer, base)
  return issuers as string[]
}
