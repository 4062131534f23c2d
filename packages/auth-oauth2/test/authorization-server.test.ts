import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createOAuthClient, createTokenVerifier, OAuth2Error, type VerifyResult } from '../src/index.ts'
import { type AuthorizationServer, startAuthorizationServer } from './authorization-server.ts'

vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 })

const resource = 'http://127.0.0.1:3000/mcp'
const other = 'http://127.0.0.1:3000/other'
const scopes = ['mcp:server:access', 'mcp:tool:get_time', 'mail:read']

let jwt: AuthorizationServer
let opaque: AuthorizationServer
const printed: unknown[] = []

beforeAll(async () => {
  for (const name of ['log', 'info', 'warn', 'error'] as const) {
    vi.spyOn(console, name).mockImplementation((...words) => void printed.push(words))
  }
  jwt = await startAuthorizationServer({ resources: [resource, other] })
  opaque = await startAuthorizationServer({
    resources: [resource, other],
    accessTokenFormat: 'opaque',
    discovery: false,
  })
})

afterAll(async () => {
  await Promise.all([jwt.stop(), opaque.stop()])
})

const principalOf = (result: VerifyResult) => {
  if (!result.ok) throw new Error(`refused: ${result.reason}`)
  return result.principal
}

const clientOptions = (server: AuthorizationServer) => ({
  issuer: server.issuer,
  clientId: server.clientId,
  clientSecret: server.clientSecret,
  redirectUri: server.redirectUri,
  resource,
  scopes,
})

test('a JWT access token is verified by discovery and keys', async () => {
  const verifier = createTokenVerifier({ resource, issuers: [{ issuer: jwt.issuer }] })
  const token = await jwt.token(scopes, resource)
  const principal = principalOf(await verifier.verify(token))
  expect(principal).toMatchObject({
    id: `oauth2:${encodeURIComponent(jwt.issuer)}:sub:${jwt.clientId}`,
    method: 'oauth2',
    grants: ['server:access', 'tool:get_time'],
    claims: { issuer: jwt.issuer, subject: jwt.clientId, clientId: jwt.clientId, scopes },
  })
  expect(await verifier.verify(await jwt.token(scopes, other))).toEqual({ ok: false, reason: 'audience' })
  expect(await verifier.verify(await jwt.token(['mail:read'], resource))).toEqual({
    ok: false,
    reason: 'insufficient_scope',
    missingScopes: ['mcp:server:access'],
  })
  verifier.close()
})

test('both discovery documents are found and name the issuer', async () => {
  for (const hidden of ['oauth-authorization-server', 'openid-configuration']) {
    const asked: string[] = []
    const verifier = createTokenVerifier({
      resource,
      issuers: [{ issuer: jwt.issuer }],
      fetch: async (url, init) => {
        asked.push(new URL(url).pathname)
        return url.includes(hidden) ? new Response(null, { status: 404 }) : fetch(url, init)
      },
    })
    expect((await verifier.verify(await jwt.token(scopes, resource))).ok).toBe(true)
    expect(asked).toEqual(
      hidden === 'openid-configuration'
        ? ['/.well-known/oauth-authorization-server', '/jwks']
        : ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration', '/jwks'],
    )
  }
})

test('an opaque token is introspected over given endpoints, without discovery, until it is revoked', async () => {
  const time = { ms: Date.now() }
  const verifier = createTokenVerifier({
    resource,
    issuers: [
      {
        issuer: opaque.issuer,
        clientId: opaque.clientId,
        clientSecret: opaque.clientSecret,
        endpoints: opaque.endpoints,
      },
    ],
    clock: () => time.ms,
  })
  const client = createOAuthClient({ ...clientOptions(opaque), endpoints: opaque.endpoints })
  const before = opaque.requests.length
  const tokens = await client.clientCredentials()
  const first = await verifier.verify(tokens.accessToken)
  expect(principalOf(first)).toMatchObject({
    grants: ['server:access', 'tool:get_time'],
    claims: { clientId: opaque.clientId },
  })
  expect(verifier.verify(tokens.accessToken)).toBe(first)
  expect(opaque.requests.slice(before)).toEqual(['POST /token', 'POST /token/introspection'])
  expect(await verifier.verify(await opaque.token(scopes, other))).toEqual({ ok: false, reason: 'audience' })
  expect(await verifier.verify('made-up')).toEqual({ ok: false, reason: 'inactive' })

  await client.revoke(tokens)
  expect(verifier.verify(tokens.accessToken)).toBe(first)
  time.ms += 30_000
  expect(await verifier.verify(tokens.accessToken)).toEqual({ ok: false, reason: 'inactive' })
  // The client has forgotten it too.
  expect((await client.clientCredentials()).accessToken).not.toBe(tokens.accessToken)
  client.close()
  verifier.close()
})

test('a server that introspects no JWTs (400) refuses those alone', async () => {
  const events: string[] = []
  const { issuer, clientId, clientSecret } = jwt
  const issuers = [{ issuer, clientId, clientSecret, mode: 'introspection', endpoints: jwt.endpoints } as const]
  const verifier = createTokenVerifier({ resource, issuers, on: ({ type }) => events.push(type) })
  for (let i = 0; i < 4; i++) {
    expect(await verifier.verify(await jwt.token(scopes, resource))).toEqual({ ok: false, reason: 'inactive' })
  }
  expect(await verifier.verify('made-up')).toEqual({ ok: false, reason: 'inactive' })
  expect(events).toEqual(Array(4).fill('introspection.refused'))
  verifier.close()
})

test.each(['jwt', 'opaque'] as const)('authorization code with PKCE, refresh and revocation (%s)', async (format) => {
  const server = format === 'jwt' ? jwt : opaque
  const endpoints = format === 'jwt' ? {} : { endpoints: server.endpoints }
  const { issuer, clientId, clientSecret } = server
  const verifier = createTokenVerifier({ resource, issuers: [{ issuer, clientId, clientSecret, ...endpoints }] })
  const client = createOAuthClient({
    ...clientOptions(server),
    ...endpoints,
    scopes: [...scopes, 'openid', 'offline_access'],
  })

  const { url, ...pending } = await client.authorizationUrl()
  const query = new URL(url).searchParams
  expect(query.get('code_challenge_method')).toBe('S256')
  expect(query.get('resource')).toBe(resource)
  expect(query.get('state')).toBe(pending.state)

  const callback = await server.signIn(url, 'alice')
  expect(new URL(callback).searchParams.get('iss')).toBe(server.issuer)
  const tokens = await client.exchangeCode(callback, pending)
  expect(tokens).toMatchObject({
    tokenType: 'bearer',
    expiresAtMs: expect.any(Number),
    scopes: expect.arrayContaining(scopes),
  })
  expect(principalOf(await verifier.verify(tokens.accessToken))).toMatchObject({
    id: `oauth2:${encodeURIComponent(server.issuer)}:sub:alice`,
    grants: ['server:access', 'tool:get_time'],
  })
  // A page that is loaded again redeems nothing again.
  expect(await client.exchangeCode(callback, pending)).toBe(tokens)

  const [one, same] = await Promise.all([client.refresh(tokens), client.refresh(tokens.refreshToken ?? '')])
  expect(one).toBe(same)
  expect(one?.accessToken).not.toBe(tokens.accessToken)
  expect(principalOf(await verifier.verify(one?.accessToken ?? '')).id).toContain(':sub:alice')
  await client.revoke(one as typeof tokens)
  await expect(client.refresh(one as typeof tokens)).rejects.toMatchObject({
    code: 'ERR_OAUTH2_DENIED',
    error: 'invalid_grant',
  })
  client.close()
  verifier.close()
})

test('a wrong code verifier and a wrong secret are denied', async () => {
  const client = createOAuthClient(clientOptions(jwt))
  const { url, state, codeVerifier } = await client.authorizationUrl()
  const callback = await jwt.signIn(url)
  const { codeVerifier: foreign } = await client.authorizationUrl()
  const denied = client.exchangeCode(callback, { state, codeVerifier: foreign })
  await expect(denied).rejects.toMatchObject({ code: 'ERR_OAUTH2_DENIED', error: 'invalid_grant', fault: 'invalid' })
  const thief = createOAuthClient({ ...clientOptions(jwt), clientSecret: 'guessed' })
  const error = await thief.clientCredentials().catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(OAuth2Error)
  expect(error).toMatchObject({ code: 'ERR_OAUTH2_DENIED', error: 'invalid_client' })
  expect(String((error as Error).stack)).not.toContain('guessed')
  expect(codeVerifier.length).toBeGreaterThanOrEqual(43)
})

test('a resource that the server does not know is denied', async () => {
  const client = createOAuthClient({ ...clientOptions(jwt), resource: 'https://elsewhere.example/mcp' })
  await expect(client.clientCredentials()).rejects.toMatchObject({ code: 'ERR_OAUTH2_DENIED', error: 'invalid_target' })
})

test('keys are rotated: new tokens are good at once, old ones end with the key that signed them', async () => {
  const server = await startAuthorizationServer({ resources: [resource] })
  const verifier = createTokenVerifier({ resource, issuers: [{ issuer: server.issuer }] })
  const old = await server.token(scopes, resource)
  expect((await verifier.verify(old)).ok).toBe(true)
  await server.rotateKeys()
  expect((await verifier.verify(old)).ok).toBe(true)
  expect((await verifier.verify(await server.token(scopes, resource))).ok).toBe(true)
  expect(await verifier.verify(old)).toEqual({ ok: false, reason: 'unknown_key' })
  verifier.close()
  await server.stop()
})

test('while the server is down: known tokens are good, unknown ones an outage; nothing is refused or let in', async () => {
  for (const format of ['jwt', 'opaque'] as const) {
    const server = await startAuthorizationServer({ resources: [resource], accessTokenFormat: format })
    const { issuer, clientId, clientSecret } = server
    const issuers = [{ issuer, clientId, clientSecret }]
    const verifier = createTokenVerifier({ resource, issuers })
    const [known, unknown] = [await server.token(scopes, resource), await server.token(scopes, resource)]
    const first = await verifier.verify(known)
    expect(first.ok).toBe(true)
    await server.stop()

    const cold = createTokenVerifier({ resource, issuers })
    expect(verifier.verify(known)).toBe(first)
    const outage = { code: 'ERR_OAUTH2_UNAVAILABLE', fault: 'unavailable', retryAfterMs: expect.any(Number) }
    await expect(Promise.resolve(cold.verify(unknown))).rejects.toMatchObject(outage)
    await expect(cold.prepare()).rejects.toMatchObject(outage)
    if (format === 'opaque') await expect(Promise.resolve(verifier.verify(unknown))).rejects.toMatchObject(outage)
    // Keys that are known verify new tokens as well.
    else expect((await verifier.verify(unknown)).ok).toBe(true)

    await server.start()
    await vi.waitFor(async () => expect((await cold.verify(unknown)).ok).toBe(true), { timeout: 5000, interval: 100 })
    for (const one of [verifier, cold]) one.close()
    await server.stop()
  }
})

// The last one, when the server has done all that it does.
test('the server says nothing on the console', () => {
  expect(printed).toEqual([])
})
