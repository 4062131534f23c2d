import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import {
  createOAuthClient,
  createTokenVerifier,
  type OAuthClientOptions,
  registerClient,
  type TokenSet,
} from '../src/index.ts'
import { type AuthorizationServer, startAuthorizationServer } from './authorization-server.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const resource = 'https://mcp.example/mcp'
let server: AuthorizationServer
let key: { jwk: Record<string, unknown> }
let clientKey: JWK
beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  key = { jwk: { ...(await exportJWK(privateKey)), alg: 'ES256', kid: 'k1' } }
  clientKey = { ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k1', use: 'sig' }
  server = await startAuthorizationServer({ resources: [resource], dpopNonce: true, clientKey })
})
afterAll(() => server.stop())

const opened: { close(): void }[] = []
afterEach(() => {
  for (const one of opened.splice(0)) one.close()
})
const clientOf = (more: Partial<OAuthClientOptions>) => {
  const client = createOAuthClient({
    issuer: server.issuer,
    clientId: server.clientId,
    resource,
    scopes: ['mcp:tool:get_time'],
    ...more,
  })
  opened.push(client)
  return client
}
const verifierOf = () => {
  const verifier = createTokenVerifier({ resource, issuers: [{ issuer: server.issuer }], dpop: { nonce: {} } })
  opened.push(verifier)
  return verifier
}

test('client credentials by a key instead of a secret', async () => {
  const client = clientOf({ clientId: 'key-client', clientKey: key })
  const tokens = await client.clientCredentials()
  expect(await verifierOf().verify(tokens.accessToken)).toMatchObject({
    ok: true,
    principal: { claims: { clientId: 'key-client', scopes: ['mcp:tool:get_time'] } },
  })
})

test('introspection by a key', async () => {
  const opaque = await startAuthorizationServer({
    resources: [resource],
    accessTokenFormat: 'opaque',
    clientKey,
  })
  try {
    const verifier = createTokenVerifier({
      resource,
      issuers: [{ issuer: opaque.issuer, mode: 'introspection', clientId: 'key-client', clientKey: key }],
    })
    opened.push(verifier)
    const token = await opaque.token(['mcp:tool:echo'], resource)
    expect(await verifier.verify(token)).toMatchObject({ ok: true, principal: { grants: ['tool:echo'] } })
    expect(await verifier.verify('made-up')).toEqual({ ok: false, reason: 'inactive' })
  } finally {
    await opaque.stop()
  }
})

const use = async (tokens: TokenSet, client: ReturnType<typeof clientOf>, more: Record<string, unknown> = {}) => {
  const verifier = verifierOf()
  const nonce = verifier.dpopNonce()
  const request = { method: 'POST', url: resource, ...more }
  const proof = await client.dpopProof({
    ...request,
    accessToken: tokens.accessToken,
    ...(nonce === undefined ? {} : { nonce }),
  })
  const context = { scheme: 'dpop', dpop: { proof, method: 'POST', url: resource } } as const
  return { verifier, context, result: await verifier.verify(tokens.accessToken, context) }
}

test('tokens bound to a key, with nonces on both sides', async () => {
  const client = clientOf({ clientSecret: server.clientSecret, dpop: true })
  const tokens = await client.clientCredentials()
  expect(tokens.tokenType).toBe('dpop')
  const { verifier, context, result } = await use(tokens, client)
  expect(result).toMatchObject({ ok: true, principal: { claims: { clientId: server.clientId } } })
  expect(await verifier.verify(tokens.accessToken, context)).toEqual({ ok: false, reason: 'proof_replayed' })
  expect(await verifier.verify(tokens.accessToken)).toEqual({ ok: false, reason: 'sender_constrained' })
  expect((await use(tokens, client, { method: 'GET' })).result).toEqual({ ok: false, reason: 'proof' })
  expect((await use(tokens, client, { url: `${resource}/other` })).result).toEqual({ ok: false, reason: 'proof' })
  const thief = clientOf({ clientSecret: server.clientSecret, dpop: true })
  expect((await use(tokens, thief)).result).toEqual({ ok: false, reason: 'proof' })
})

test('a code, a refresh and a rotation of it, bound to a key', async () => {
  const client = clientOf({ clientSecret: server.clientSecret, redirectUri: server.redirectUri, dpop: true })
  const { url, ...pending } = await client.authorizationUrl()
  expect(new URL(url).searchParams.get('dpop_jkt')).toMatch(/^[\w-]{43}$/)
  const first = await client.exchangeCode(await server.signIn(url), pending)
  expect((await use(first, client)).result).toMatchObject({ ok: true, principal: { claims: { subject: 'alice' } } })
  const second = await client.refresh(first)
  expect(second.refreshToken).not.toBe(first.refreshToken)
  expect((await use(second, client)).result.ok).toBe(true)
  await client.revoke(second)
  await expect(clientOf({ clientSecret: server.clientSecret, dpop: true }).refresh(second)).rejects.toMatchObject({
    code: 'ERR_OAUTH2_DENIED',
    error: 'invalid_grant',
  })
})

test('a device: the user says yes, or no, or nothing', async () => {
  const client = clientOf({ clientId: 'device-client' })
  const waits: number[] = []
  const wait = async (ms: number) => void waits.push(ms)
  const tokens = await client.deviceFlow({
    wait,
    prompt: async ({ userCode, verificationUri, verificationUriComplete = '' }) => {
      expect([new URL(verificationUri).origin, userCode]).toEqual([server.issuer, expect.stringMatching(/^[\w-]+$/)])
      await server.approveDevice(verificationUriComplete)
    },
  })
  expect(await verifierOf().verify(tokens.accessToken)).toMatchObject({
    ok: true,
    principal: { claims: { subject: 'alice' } },
  })
  expect(waits).toEqual([5000])

  const refused = client.deviceFlow({
    wait,
    prompt: ({ verificationUriComplete = '' }) => server.approveDevice(verificationUriComplete, 'no'),
  })
  await expect(refused).rejects.toMatchObject({ code: 'ERR_OAUTH2_DENIED', error: 'access_denied' })

  let polls = 0
  const time = { ms: Date.now() }
  const slow = clientOf({ clientId: 'device-client', clock: () => time.ms })
  const late = slow.deviceFlow({
    prompt: () => undefined,
    wait: async (ms) => {
      polls++
      time.ms += ms * 100
    },
  })
  await expect(late).rejects.toMatchObject({ error: 'expired_token' })
  expect(polls).toBeGreaterThan(1)

  const gone = new AbortController()
  const aborted = client.deviceFlow({
    signal: gone.signal,
    prompt: () => gone.abort(new Error('the user left')),
    wait: async () => undefined,
  })
  await expect(aborted).rejects.toThrow('the user left')
})

test('a client that registers itself', async () => {
  const client = await registerClient({
    issuer: server.issuer,
    clientName: 'A program',
    redirectUris: [server.redirectUri],
    tokenEndpointAuthMethod: 'client_secret_basic',
  })
  expect(JSON.stringify(client)).not.toContain(client.clientSecret)
  const { clientId, clientSecret = '' } = client
  const own = clientOf({ clientId, clientSecret, redirectUri: server.redirectUri })
  const { url, ...pending } = await own.authorizationUrl()
  const tokens = await own.exchangeCode(await server.signIn(url, 'bob'), pending)
  expect(await verifierOf().verify(tokens.accessToken)).toMatchObject({
    ok: true,
    principal: { claims: { subject: 'bob', clientId } },
  })
  const odd = { issuer: server.issuer, clientName: 'x', redirectUris: ['https://app.example/#fragment'] }
  await expect(registerClient(odd)).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
})
