import { OAuth2Error, quote } from '../errors.ts'
import { type Http, jsonOf } from '../http/http.ts'
import type { Endpoints } from '../types.ts'
import { checkDiscovered } from '../http/url.ts'

const MAX_BYTES = 262_144

/** What is read of an authorization server's metadata (RFC 8414 section 2). */
export interface ServerMetadata {
  readonly endpoints: { readonly [Name in keyof Endpoints]?: URL }
  readonly codeChallengeMethods: readonly string[]
  readonly tokenAuthMethods: readonly string[]
  /** Absent where the document does not say. */
  readonly idTokenAlgorithms?: readonly string[]
  /** RFC 9207: the authorization response always names its issuer. */
  readonly issParameter: boolean
  /** A client may be the URL of a document that describes it. */
  readonly clientMetadataDocuments: boolean
}

const members: readonly (readonly [keyof Endpoints, string])[] = [
  ['authorization', 'authorization_endpoint'],
  ['token', 'token_endpoint'],
  ['introspection', 'introspection_endpoint'],
  ['jwks', 'jwks_uri'],
  ['revocation', 'revocation_endpoint'],
  ['deviceAuthorization', 'device_authorization_endpoint'],
  ['registration', 'registration_endpoint'],
]

/** Where an issuer's metadata may be: RFC 8414 section 3.1 first, then OpenID Connect with the path inserted and appended. */
export const metadataUrls = (issuer: URL): readonly URL[] => {
  const path = issuer.pathname.replace(/\/$/, '')
  const paths = [
    `/.well-known/oauth-authorization-server${path}`,
    `/.well-known/openid-configuration${path}`,
    `${path}/.well-known/openid-configuration`,
  ]
  return [...new Set(paths)].map((pathname) => new URL(pathname, issuer.origin))
}

/**
 * Fetches and checks an issuer's metadata. `issuer` is the configured text: the document must repeat it exactly (RFC 8414 section 3.3). `foreign`: nobody
 * configured it, so it must be on the public internet.
 * @throws OAuth2Error `ERR_OAUTH2_METADATA`, `ERR_OAUTH2_UNAVAILABLE`
 */
export const fetchMetadata = async (
  issuer: string,
  http: Http,
  timeoutMs: number,
  foreign = false,
): Promise<ServerMetadata> => {
  const base = new URL(issuer)
  let failure: unknown
  for (const url of metadataUrls(base)) {
    let document: Readonly<Record<string, unknown>>
    try {
      const request = {
        url,
        method: 'GET',
        headers: { accept: 'application/json' },
        maxBytes: MAX_BYTES,
        timeoutMs,
        repeatable: true,
        foreign,
      } as const
      document = jsonOf(`GET ${url.href}`, await http.send(request))
    } catch (error) {
      // An outage says more than a 404 at the next place.
      if (!(failure instanceof OAuth2Error && failure.code === 'ERR_OAUTH2_UNAVAILABLE')) failure = error
      continue
    }
    return readMetadata(document, issuer, base)
  }
  if (failure instanceof OAuth2Error && failure.code === 'ERR_OAUTH2_UNAVAILABLE') throw failure
  throw new OAuth2Error('ERR_OAUTH2_METADATA', `${quote(issuer)} has no metadata document; give its endpoints`, {
    cause: failure,
  })
}

const readMetadata = (document: Readonly<Record<string, unknown>>, issuer: string, base: URL): ServerMetadata => {
  if (document['issuer'] !== issuer) {
    const problem = `the metadata of ${quote(issuer)} is that of issuer ${quote(document['issuer'])}`
    throw new OAuth2Error('ERR_OAUTH2_METADATA', problem)
  }
  const endpoints: { -readonly [Name in keyof Endpoints]?: URL } = {}
  for (const [name, member] of members) {
    const value = document[member]
    if (value !== undefined && value !== null) endpoints[name] = checkDiscovered(member, value, base)
  }
  const idTokens = document['id_token_signing_alg_values_supported']
  return {
    endpoints,
    codeChallengeMethods: texts(document['code_challenge_methods_supported']),
    // The default of RFC 8414 section 2.
    tokenAuthMethods: texts(document['token_endpoint_auth_methods_supported'] ?? ['client_secret_basic']),
    ...(idTokens === undefined ? {} : { idTokenAlgorithms: texts(idTokens) }),
    issParameter: document['authorization_response_iss_parameter_supported'] === true,
    clientMetadataDocuments: document['client_id_metadata_document_supported'] === true,
  }
}

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : []
