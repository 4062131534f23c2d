import { expect, test } from 'vitest'
import { createTokenVerifier, OAuth2Error, type TokenVerifierOptions } from '../src/index.ts'

const issuer = 'https://id.example'
const make = (more: Record<string, unknown>): unknown =>
  createTokenVerifier({ resource: 'https://mcp.example/mcp', issuers: [{ issuer }], ...more } as TokenVerifierOptions)
const withIssuer = (more: Record<string, unknown>): unknown => make({ issuers: [{ issuer, ...more }] })

const refused = (make: () => unknown, text: RegExp): void => {
  expect(make).toThrow(OAuth2Error)
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS', fault: 'invalid' }))
  expect(make).toThrow(text)
}

test('what is needed and nothing else', () => {
  refused(() => createTokenVerifier(undefined as unknown as TokenVerifierOptions), /must be an object/)
  for (const resource of [undefined, '', [], [''], 7, [7], '/mcp', 'https://mcp.example/#x'])
    refused(() => make({ resource }), /resource/)
  for (const issuers of [undefined, [], {}, [undefined], ['https://id.example']])
    refused(() => make({ issuers }), /issuers|issuer/)
  refused(() => make({ issuers: [{ issuer }, { issuer }] }), /twice/)
  refused(() => make({ audiance: 'x' }), /unknown field "audiance"/)
  refused(() => withIssuer({ algorithm: ['ES256'] }), /unknown field "algorithm"/)
  refused(() => make({ cache: { max: 1 } }), /unknown field "max"/)
  refused(() => withIssuer({ endpoints: { jwks_uri: 'https://x' } }), /unknown field "jwks_uri"/)
  refused(() => withIssuer({ jwks: { stale: 1 } }), /unknown field "stale"/)
})

test('algorithms: asymmetric ones only', () => {
  for (const algorithms of [['HS256'], ['none'], ['ES256', 'HS512'], ['es256'], ['RSA1_5'], [], [7], 'none']) {
    refused(() => withIssuer({ algorithms }), /algorithms/)
  }
  expect(withIssuer({ algorithms: ['ES256', 'PS512', 'Ed25519'] })).toBeDefined()
})

test('issuers and endpoints: https, or http on loopback', () => {
  for (const url of [
    'http://id.example',
    'http://127.0.0.1.evil.example',
    'http://localhost.evil.example',
    'http://0.0.0.0',
    'http://[::2]',
    'http://10.0.0.1',
    'ftp://127.0.0.1',
    'id.example',
    '',
    7,
    'https://a:b@id.example',
    'https://id.example#x',
    ' https://id.example',
  ]) {
    refused(() => make({ issuers: [{ issuer: url }] }), /issuer/)
    refused(() => withIssuer({ endpoints: { jwks: url } }), /endpoints.jwks/)
  }
  refused(() => make({ issuers: [{ issuer: 'https://id.example?x' }] }), /query/)
  for (const url of [
    'http://127.0.0.1:1',
    'http://127.9.9.9',
    'http://localhost:8080/realms/a',
    'http://[::1]:1',
    'https://10.0.0.1',
  ]) {
    expect(make({ issuers: [{ issuer: url, endpoints: { jwks: url } }] })).toBeDefined()
  }
})

test('introspection needs credentials, and one issuer or prefixes', () => {
  const client = { clientId: 'gw', clientSecret: 's' }
  refused(() => withIssuer({ mode: 'introspection' }), /clientId and clientSecret/)
  refused(() => withIssuer({ mode: 'introspection', clientId: 'gw' }), /clientId and clientSecret/)
  refused(() => withIssuer({ mode: 'both' }), /mode/)
  const second = 'https://second.example'
  const two = (a: object, b: object): unknown =>
    make({
      issuers: [
        { issuer, ...a },
        { issuer: second, ...b },
      ],
    })
  refused(() => two(client, client), /tokenPrefix/)
  refused(() => two({ ...client, tokenPrefix: 'a' }, client), /tokenPrefix/)
  refused(() => two({ ...client, tokenPrefix: 'a' }, { ...client, tokenPrefix: 'a' }), /tokenPrefix/)
  expect(two({ ...client, tokenPrefix: 'a' }, { ...client, tokenPrefix: 'b' })).toBeDefined()
  expect(two(client, { ...client, mode: 'jwt' })).toBeDefined()
})

test('ranges and kinds', () => {
  for (const value of [-1, 61, 1.5, '5', Number.NaN])
    refused(() => make({ clockToleranceSec: value }), /clockToleranceSec/)
  for (const value of [0, 31_536_001, null]) refused(() => make({ maxLifetimeSec: value }), /maxLifetimeSec/)
  refused(() => withIssuer({ jwks: { maxStaleMs: 86_400_001 } }), /maxStaleMs/)
  refused(() => make({ fetch: 1 }), /fetch/)
  refused(() => make({ clock: 1 }), /clock/)
  refused(() => make({ on: 1 }), /on must/)
  refused(() => make({ implies: { a: 'b' } }), /implies/)
})

test('issuers are told', () => {
  expect(createTokenVerifier({ resource: 'https://a.example', issuers: [{ issuer }] }).issuers).toEqual([issuer])
})
