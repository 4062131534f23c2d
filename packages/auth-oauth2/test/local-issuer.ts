import { createHash, type KeyObject, createSign, generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const base64url = (value: string | Uint8Array): string => Buffer.from(value as string).toString('base64url')

export const resource = 'https://mcp.example/mcp'

/** The key pairs of one issuer, made once: RSA takes a while. */
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const ed = generateKeyPairSync('ed25519')

export const jwkOf = (key: KeyObject, more: object): Record<string, unknown> => ({
  ...key.export({ format: 'jwk' }),
  ...more,
})

/** Signs text as a JWS with ES256, RS256 or EdDSA, by the kind of key. */
export const signText = (text: string, key: KeyObject): string => {
  if (key.asymmetricKeyType === 'ec') {
    return base64url(createSign('SHA256').update(text).sign({ key, dsaEncoding: 'ieee-p1363' }))
  }
  return base64url(signBytes(key.asymmetricKeyType === 'rsa' ? 'sha256' : null, Buffer.from(text), key))
}

const algorithmOf = (key: KeyObject): string =>
  ({ ec: 'ES256', rsa: 'RS256', ed25519: 'EdDSA' })[key.asymmetricKeyType as 'ec' | 'rsa' | 'ed25519']

/** A JWT; header and payload may be given as text, to write what no library would. */
export const makeJwt = (options: {
  readonly header?: object | string
  readonly payload: object | string
  readonly key?: KeyObject
}): string => {
  const { key = ec.privateKey, payload } = options
  const header =
    typeof options.header === 'string'
      ? options.header
      : JSON.stringify({ alg: algorithmOf(key), typ: 'at+jwt', kid: key.asymmetricKeyType, ...options.header })
  const text = `${base64url(header)}.${base64url(typeof payload === 'string' ? payload : JSON.stringify(payload))}`
  return `${text}.${signText(text, key)}`
}

export interface LocalIssuer {
  readonly issuer: string
  /** `METHOD path` of every request. */
  readonly requests: string[]
  /** What is published; changed freely. */
  keys: Record<string, unknown>[]
  /** Answers a request instead, if it answers true. */
  intercept: ((request: IncomingMessage, response: ServerResponse, body: string) => boolean) | undefined
  /** What introspection answers. */
  introspect: (token: string, request: IncomingMessage) => object
  /** Claims of a token that is accepted, changed by `more`; `undefined` takes a claim away. */
  claims(more?: Record<string, unknown>): Record<string, unknown>
  stop(): Promise<void>
}

/** An issuer that does exactly as it is told: metadata, keys and introspection on a port of 127.0.0.1. */
export const startLocalIssuer = async (path = ''): Promise<LocalIssuer> => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      local.requests.push(`${request.method} ${request.url}`)
      if (local.intercept?.(request, response, body) === true) return
      const json = (value: object): void =>
        void response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
      switch (request.url) {
        case `/.well-known/oauth-authorization-server${path}`:
          return json({
            issuer: local.issuer,
            jwks_uri: `${origin}/jwks`,
            introspection_endpoint: `${origin}/introspect`,
          })
        case '/jwks':
          return json({ keys: local.keys })
        case '/introspect':
          return json(local.introspect(new URLSearchParams(body).get('token') ?? '', request))
        default:
          response.writeHead(404).end()
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const local: LocalIssuer = {
    issuer: `${origin}${path}`,
    requests: [],
    keys: [
      jwkOf(ec.publicKey, { kid: 'ec', use: 'sig', alg: 'ES256' }),
      jwkOf(rsa.publicKey, { kid: 'rsa', use: 'sig' }),
      jwkOf(ed.publicKey, { kid: 'ed25519', use: 'sig' }),
    ],
    intercept: undefined,
    introspect: () => ({ active: false }),
    claims: (more = {}) => {
      const now = Math.floor(Date.now() / 1000)
      return {
        iss: local.issuer,
        aud: resource,
        sub: 'alice',
        client_id: 'app',
        iat: now,
        exp: now + 600,
        jti: 'token-1',
        scope: 'mcp:server:access mcp:tool:get_time',
        ...more,
      }
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return local
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url')
