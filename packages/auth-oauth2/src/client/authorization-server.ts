import * as oauth from 'oauth4webapi'
import type { ClientSettings } from './client-options.ts'
import type { DpopKey } from './dpop-key.ts'
import { OAuth2Error, quote } from '../errors.ts'
import type { Http } from '../http/http.ts'
import { fetchMetadata, type ServerMetadata } from '../issuer/metadata.ts'
import { createRemote } from '../issuer/remote.ts'
import type { Endpoints } from '../types.ts'

const MAX_BYTES = 1_048_576

/** The authorization server that a client talks to, with what each request needs. */
export interface Server {
  readonly as: oauth.AuthorizationServer
  readonly metadata: ServerMetadata
  readonly client: oauth.Client
  readonly auth: oauth.ClientAuth
  readonly request: {
    [oauth.customFetch]: (url: string, init: RequestInit) => Promise<Response>
    [oauth.allowInsecureRequests]: boolean
    DPoP?: oauth.DPoPHandle
  }
}

interface RequestInit {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: unknown
}

/** Finds the server out once, or takes it from the endpoints that were given. Rejects with `ERR_OAUTH2_METADATA`, `ERR_OAUTH2_UNAVAILABLE`. */
export const createServer = (
  settings: ClientSettings,
  http: Http,
  dpop: DpopKey | undefined,
): (() => Promise<Server>) => {
  const { issuer, endpoints, timeoutMs, clientId, clientSecret, key, discovered: foreign = false } = settings
  const client: oauth.Client = { client_id: clientId }
  const explicit: ServerMetadata = {
    endpoints,
    codeChallengeMethods: ['S256'],
    tokenAuthMethods: ['client_secret_basic'],
    issParameter: false,
    clientMetadataDocuments: false,
  }
  const remote = createRemote<ServerMetadata>({
    what: `metadata of ${issuer}`,
    load: () =>
      fetchMetadata(issuer ?? '', http, timeoutMs, foreign && settings.dangerouslyAllowPrivateAddresses !== true),
    maxAgeMs: () => 3_600_000,
    maxStaleMs: 86_400_000,
    now: settings.now,
  })

  const configured = new Set(Object.values(endpoints).map(({ href }) => href))
  const ownHost = issuer === undefined || foreign ? undefined : new URL(issuer).hostname
  // Where the metadata points to that is neither the issuer's own host nor configured.
  const isForeign = ({ hostname, href }: URL): boolean =>
    settings.discovers &&
    settings.dangerouslyAllowPrivateAddresses !== true &&
    hostname !== ownHost &&
    !configured.has(href)

  const customFetch = async (url: string, init: RequestInit): Promise<Response> => {
    const target = new URL(url)
    const response = await http.send({
      url: target,
      foreign: isForeign(target),
      method: init.method === 'GET' ? 'GET' : 'POST',
      headers: init.headers,
      ...(init.body === undefined || init.body === null ? {} : { body: String(init.body) }),
      maxBytes: MAX_BYTES,
      timeoutMs,
      repeatable: false,
    })
    if (response.status >= 500 || response.status === 429) {
      throw new OAuth2Error('ERR_OAUTH2_UNAVAILABLE', `${url} answered ${response.status}`, { retryAfterMs: 1000 })
    }
    const headers = new Headers()
    for (const name of ['content-type', 'www-authenticate', 'dpop-nonce']) {
      const value = response.header(name)
      if (value !== undefined) headers.set(name, value)
    }
    const empty = response.body.byteLength === 0 || response.status === 204 || response.status === 304
    return new Response(empty ? null : Buffer.from(response.body), { status: response.status, headers })
  }

  const authOf = async (metadata: ServerMetadata): Promise<oauth.ClientAuth> => {
    if (key !== undefined) {
      const named = key.kid === undefined ? {} : { kid: key.kid }
      return oauth.PrivateKeyJwt({ key: await key.key(), ...named })
    }
    if (clientSecret === undefined) return oauth.None()
    const methods = metadata.tokenAuthMethods
    const postOnly = methods.includes('client_secret_post') && !methods.includes('client_secret_basic')
    const how = settings.clientAuth ?? (postOnly ? 'post' : 'basic')
    return how === 'post' ? oauth.ClientSecretPost(clientSecret) : oauth.ClientSecretBasic(clientSecret)
  }

  // Kept for as long as the client: it remembers the server's nonces.
  let handle: oauth.DPoPHandle | undefined

  return async () => {
    if (dpop !== undefined) handle ??= oauth.DPoP(client, await dpop.pair)
    const metadata = settings.discovers ? await discovered(remote) : explicit
    const found = { ...metadata.endpoints, ...endpoints }
    return {
      metadata: { ...metadata, endpoints: found },
      as: {
        issuer: issuer ?? found.token?.origin ?? found.authorization?.origin ?? '',
        ...(found.token === undefined ? {} : { token_endpoint: found.token.href }),
        ...(found.revocation === undefined ? {} : { revocation_endpoint: found.revocation.href }),
        ...(found.deviceAuthorization === undefined
          ? {}
          : { device_authorization_endpoint: found.deviceAuthorization.href }),
        ...(metadata.idTokenAlgorithms === undefined
          ? {}
          : { id_token_signing_alg_values_supported: [...metadata.idTokenAlgorithms] }),
        ...(metadata.issParameter ? { authorization_response_iss_parameter_supported: true } : {}),
      },
      client,
      auth: await authOf(metadata),
      // Every endpoint was checked to be https, or http on loopback.
      request: {
        [oauth.customFetch]: customFetch,
        [oauth.allowInsecureRequests]: true,
        ...(handle === undefined ? {} : { DPoP: handle }),
      },
    }
  }
}

/** A document that is wrong is told as such, not as an outage: the client's owner has to mend it. */
const discovered = async (remote: { get(): ServerMetadata | Promise<ServerMetadata> }): Promise<ServerMetadata> => {
  try {
    return await remote.get()
  } catch (error) {
    const cause = error instanceof OAuth2Error ? error.cause : undefined
    throw cause instanceof OAuth2Error && cause.code === 'ERR_OAUTH2_METADATA' ? cause : error
  }
}

/** @throws OAuth2Error `ERR_OAUTH2_UNSUPPORTED` */
export const needEndpoint = (server: Server, name: keyof Endpoints): URL => {
  const url = server.metadata.endpoints[name]
  if (url !== undefined) return url
  throw new OAuth2Error('ERR_OAUTH2_UNSUPPORTED', `${quote(server.as.issuer)} has no ${name} endpoint`)
}
