import { randomBytes } from 'node:crypto'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK } from 'jose'

export interface AuthorizationServerOptions {
  /** The resource servers that tokens may be for (RFC 8707). */
  readonly resources: readonly string[]
  /** Scopes of every resource. */
  readonly scopes?: readonly string[]
  readonly accessTokenFormat?: 'jwt' | 'opaque'
  readonly accessTokenTtlSec?: number
  /** Proofs must hold a nonce of the server's. */
  readonly dpopNonce?: boolean
  /** Public key of the client `key-client`, which authenticates by it. */
  readonly clientKey?: JWK
  /** False: as behind a proxy that passes nothing below `/.well-known/`. */
  readonly discovery?: boolean
}

export interface AuthorizationServer {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly redirectUri: string
  readonly endpoints: Readonly<Record<'authorization' | 'token' | 'introspection' | 'jwks' | 'revocation', string>>
  /** `METHOD path` of every request so far. */
  readonly requests: readonly string[]
  /** An access token by client credentials. */
  token(scopes: readonly string[], resource: string): Promise<string>
  /** Signs `login` in and consents, as a browser would at that authorization URL. The URL that it is sent back to. */
  signIn(url: string, login?: string): Promise<string>
  /** Does as a user does who opens `verification_uri_complete`: confirms the code, signs in and consents; or says no. */
  approveDevice(url: string, answer?: 'yes' | 'no'): Promise<void>
  /** Signs with a new key from now on; the old one is not published any more. */
  rotateKeys(): Promise<void>
  /** Closes the port and every connection; tokens and keys are kept. */
  stop(): Promise<void>
  start(): Promise<void>
}

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'
const nonceSecret = randomBytes(32)

interface Page {
  body: string
}

interface Context {
  readonly request?: unknown
}

/** What is used of the package, which has no types. */
type ProviderClass = new (issuer: string, configuration: object) => { callback(): RequestListener }

/** It tells what a production server would need, and says so on the console whenever it is loaded or made. */
const quietly = async <T>(work: () => Promise<T>): Promise<T> => {
  const { info, warn } = console
  console.info = () => undefined
  console.warn = () => undefined
  try {
    return await work()
  } finally {
    console.info = info
    console.warn = warn
  }
}

const makeKeys = async (): Promise<JWK[]> => {
  const made: JWK[] = []
  for (const alg of ['ES256', 'RS256']) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true })
    made.push({ ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `${alg}-${randomBytes(6).toString('hex')}` })
  }
  return made
}

/** Starts a certified authorization server (oidc-provider) on a port of 127.0.0.1. It is for tests: anybody may sign in. */
export const startAuthorizationServer = async (options: AuthorizationServerOptions): Promise<AuthorizationServer> => {
  const { resources, accessTokenFormat = 'jwt', accessTokenTtlSec = 600, discovery = true } = options
  const scope = (options.scopes ?? ['mcp:server:access', 'mcp:tool:get_time', 'mcp:tool:echo', 'mail:read']).join(' ')
  const client = { clientId: 'test-client', clientSecret: 'a secret: with / + %' } as const
  const redirectUri = 'https://app.example/callback'
  const requests: string[] = []
  let handle: RequestListener = (_request, response) => response.writeHead(503).end()
  let server: Server
  let port = 0

  const listen = async (): Promise<void> => {
    server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url?.split('?', 1)[0]}`)
      if (!discovery && request.url?.startsWith('/.well-known/') === true) response.writeHead(404).end()
      else handle(request, response)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve)
    })
    port = (server.address() as AddressInfo).port
  }
  await listen()
  const issuer = `http://127.0.0.1:${port}`

  const configure = (keys: JWK[], InvalidTarget: new () => Error): object => ({
    jwks: { keys },
    clients: [
      {
        client_id: client.clientId,
        client_secret: client.clientSecret,
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials', DEVICE],
        response_types: ['code'],
        redirect_uris: [redirectUri],
      },
      {
        client_id: 'device-client',
        token_endpoint_auth_method: 'none',
        grant_types: [DEVICE, 'refresh_token'],
        response_types: [],
        redirect_uris: [],
      },
      ...(options.clientKey === undefined
        ? []
        : [
            {
              client_id: 'key-client',
              token_endpoint_auth_method: 'private_key_jwt',
              grant_types: ['client_credentials'],
              response_types: [],
              redirect_uris: [],
              jwks: { keys: [options.clientKey] },
            },
          ]),
    ],
    cookies: { keys: [randomBytes(16).toString('hex')] },
    scopes: ['openid', 'offline_access'],
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (context: Page, form: string, _out: unknown, error?: Error) =>
          void (context.body = `${form}<h1>${error === undefined ? 'Code' : 'The end'}</h1>`),
        userCodeConfirmSource: (context: Page, form: string) => void (context.body = form),
        successSource: (context: Page) => void (context.body = '<h1>The end</h1>'),
      },
      registration: { enabled: true },
      dPoP: {
        enabled: true,
        nonceSecret,
        requireNonce: () => options.dpopNonce === true,
      },
      revocation: { enabled: true, allowedPolicy: () => true },
      introspection: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context: Context, indicator: string) => {
          if (!resources.includes(indicator)) throw new InvalidTarget()
          return {
            scope,
            audience: indicator,
            accessTokenFormat,
            accessTokenTTL: accessTokenTtlSec,
            jwt: { sign: { alg: 'ES256' } },
          }
        },
      },
    },
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    findAccount: (_context: Context, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    ttl: {
      AccessToken: accessTokenTtlSec,
      ClientCredentials: accessTokenTtlSec,
      Grant: 3600,
      Interaction: 600,
      Session: 3600,
      RefreshToken: 3600,
      AuthorizationCode: 60,
      DeviceCode: 600,
      IdToken: 600,
    },
  })

  const rotateKeys = (): Promise<void> =>
    quietly(async () => {
      // @ts-expect-error the package has no types
      const { default: Provider, errors } = await import('oidc-provider')
      const keys = await makeKeys()
      handle = new (Provider as ProviderClass)(issuer, configure(keys, errors.InvalidTarget)).callback()
    })
  await rotateKeys()

  return {
    issuer,
    ...client,
    redirectUri,
    endpoints: {
      authorization: `${issuer}/auth`,
      token: `${issuer}/token`,
      introspection: `${issuer}/token/introspection`,
      jwks: `${issuer}/jwks`,
      revocation: `${issuer}/token/revocation`,
    },
    requests,
    async token(scopes, resource) {
      const [id, secret] = [client.clientId, client.clientSecret].map((text) =>
        new URLSearchParams({ '': text }).toString().slice(1),
      )
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: scopes.join(' '), resource }),
      })
      const answer = (await response.json()) as { access_token?: string }
      if (answer.access_token === undefined) throw new Error(`no token: ${JSON.stringify(answer)}`)
      return answer.access_token
    },
    signIn: (url, login = 'alice') => browse(url, { login, until: (at) => at.startsWith(redirectUri) }),
    async approveDevice(url, given = 'yes') {
      await browse(url, {
        login: 'alice',
        abort: given === 'no',
        until: (_at, page) => page.includes('<h1>The end</h1>'),
      })
    },
    rotateKeys,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
    start: listen,
  }
}

interface Visit {
  readonly login: string
  /** Says no where it can. */
  readonly abort?: boolean
  /** Whether this is where the visit ends: an address, or what a page says. */
  readonly until: (url: string, page: string) => boolean
}

/** Follows redirects with cookies and sends each form that comes, until the visit ends. The address where it did. */
const browse = async (start: string, { login, abort = false, until }: Visit): Promise<string> => {
  const cookies = new Map<string, string>()
  let url = start
  let body: URLSearchParams | undefined
  for (let step = 0; step < 16; step++) {
    const response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(body === undefined ? {} : { body }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';', 1)
      const equals = pair.indexOf('=')
      cookies.set(pair.slice(0, equals), pair.slice(equals + 1))
    }
    const location = response.headers.get('location')
    body = undefined
    if (location !== null) {
      url = new URL(location, url).href
      if (until(url, '')) return url
      continue
    }
    const page = await response.text()
    if (until(url, page)) return url
    const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1]
    if (action === undefined) throw new Error(`no form at ${url}: ${response.status} ${page.slice(0, 500)}`)
    url = new URL(action, url).href
    body = new URLSearchParams()
    for (const [, name = '', value = ''] of page.matchAll(/name="([^"]+)" value="([^"]*)"/g)) body.set(name, value)
    if (body.get('prompt') === 'login')
      for (const [name, value] of Object.entries({ login, password: 'any' })) body.set(name, value)
    if (abort && body.has('user_code')) body.set('abort', 'yes')
  }
  throw new Error('the visit does not end')
}
