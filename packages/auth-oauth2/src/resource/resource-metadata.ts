import { invalid, optionalText, refuseUnknown } from '../checks.ts'
import { quote } from '../errors.ts'
import { checkEndpoint, checkIssuer } from '../http/url.ts'

export interface ResourceMetadataOptions {
  /** Canonical URI of the resource: https, or http on loopback; no fragment. */
  readonly resource: string
  /** Issuer identifiers; at least one. */
  readonly authorizationServers: readonly string[]
  /** What a client needs for basic use, not all there is. `offline_access` is left out. */
  readonly scopes?: readonly string[]
  readonly resourceName?: string
  readonly resourceDocumentation?: string
}

export interface ResourceMetadata {
  /** Path of the document: the well-known segment put before the resource's own path (RFC 9728 section 3.1). */
  readonly path: string
  /** Where clients look next. */
  readonly rootPath: '/.well-known/oauth-protected-resource'
  /** The document's URL, for `resource_metadata` in a `WWW-Authenticate` challenge (RFC 9728 section 5.1). */
  readonly url: string
  readonly document: Readonly<Record<string, unknown>>
}

const ROOT_PATH = '/.well-known/oauth-protected-resource'
const FIELDS = ['resource', 'authorizationServers', 'scopes', 'resourceName', 'resourceDocumentation']

/**
 * The metadata document of a protected resource (RFC 9728) and where it is served. Pure: it serves and fetches nothing.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`
 */
export const protectedResourceMetadata = (options: ResourceMetadataOptions): ResourceMetadata => {
  refuseUnknown('protectedResourceMetadata options', options, FIELDS)
  const { resource, authorizationServers, scopes = [], resourceName, resourceDocumentation } = options
  const { origin, pathname, search } = checkEndpoint('resource', resource)
  if (!Array.isArray(authorizationServers) || authorizationServers.length === 0) {
    throw invalid('authorizationServers must be a non-empty array')
  }
  for (const [index, issuer] of authorizationServers.entries()) checkIssuer(`authorizationServers[${index}]`, issuer)
  if (!Array.isArray(scopes)) throw invalid('scopes must be an array')
  for (const scope of scopes) {
    if (typeof scope !== 'string' || !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)) {
      throw invalid(`scopes: ${quote(scope)} is no scope (RFC 6749 section 3.3)`)
    }
  }
  optionalText('resourceName', resourceName)
  if (resourceDocumentation !== undefined) checkEndpoint('resourceDocumentation', resourceDocumentation)
  const supported = [...new Set(scopes)].filter((scope) => scope !== 'offline_access')
  const path = `${ROOT_PATH}${pathname === '/' ? '' : pathname}${search}`
  return Object.freeze({
    path,
    rootPath: ROOT_PATH,
    url: `${origin}${path}`,
    document: Object.freeze({
      resource,
      authorization_servers: Object.freeze([...authorizationServers]),
      ...(supported.length === 0 ? {} : { scopes_supported: Object.freeze(supported) }),
      bearer_methods_supported: Object.freeze(['header']),
      ...(resourceName === undefined ? {} : { resource_name: resourceName }),
      ...(resourceDocumentation === undefined ? {} : { resource_documentation: resourceDocumentation }),
    }),
  })
}
