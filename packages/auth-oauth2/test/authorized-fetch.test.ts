import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import {
  challenge,
  createAuthorizedFetch,
  createOAuthClient,
  createTokenVerifier,
  memoryTokenStore,
  type OAuthClient,
  parseAuthorization,
  type TokenVerifier,
} from '../src/index.ts'
import { createTokenSet } from '../src/client/token-set.ts'
import { type AuthorizationServer, startAuthorizationServer } from './authorization-server.ts'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let server: AuthorizationServer
let resourceServer: Server
let resource: string
let verifier: TokenVerifier
/** What the resource asks for, and how it answers besides. */
let needed: string[] = ['mcp:tool:get_time']
let instead: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
const seen: string[] = []

beforeAll(async () => {
  resourceServer = createServer(async (request, response) => {
    seen.push(String(request.headers.authorization).split(' ')[0] as string)
    if (instead?.(request, response) === true) return undefined
    const shown = parseAuthorization(request.headers.authorization)
    const dpop = { proof: request.headers['dpop'] as string | undefined, method: request.method ?? '', url: resource }
    const result = shown && (await verifier.verify(shown.token, { scheme: shown.scheme, dpop }))
    const nonce = verifier.dpopNonce()
    if (nonce !== undefined) response.setHeader('dpop-nonce', nonce)
    const refuse = (status: number, error: Parameters<typeof challenge>[0]) =>
      response.writeHead(status, { 'www-authenticate': challenge(error) }).end()
    if (!result?.ok) {
      const scheme = shown?.scheme === 'dpop' ? 'DPoP' : 'Bearer'
      const error = result?.reason === 'proof_nonce' ? 'use_dpop_nonce' : 'invalid_token'
      return refuse(401, { scheme, error })
    }
    const lacking = needed.filter((scope) => !result.principal.claims.scopes.includes(scope))
    if (lacking.length > 0) return refuse(403, { error: 'insufficient_scope', scopes: needed })
    return response.end(result.principal.claims.scopes.join(' '))
  })
  await new Promise<void>((resolve) => resourceServer.listen(0, '127.0.0.1', resolve))
  resource = `http://127.0.0.1:${(resourceServer.address() as AddressInfo).port}/mcp`
  server = await startAuthorizationServer({ resources: [resource] })
  verifier = createTokenVerifier({ resource, issuers: [{ issuer: server.issuer }], dpop: { nonce: {} } })
})
afterAll(async () => {
  verifier.close()
  await server.stop()
  resourceServer.closeAllConnections()
  await new Promise((resolve) => resourceServer.close(resolve))
})
const opened: OAuthClient[] = []
afterEach(() => {
  for (const client of opened.splice(0)) client.close()
  needed = ['mcp:tool:get_time']
  instead = undefined
  seen.length = 0
})

/** One client may have tokens for several resources. */
const keyOf = (client: OAuthClient) => JSON.stringify([client.storeKey, resource])

const setup = (more: { dpop?: boolean; maxStepUps?: number } = {}) => {
  const { issuer, clientId, clientSecret, redirectUri } = server
  const client = createOAuthClient({ issuer, clientId, clientSecret, redirectUri, resource, dpop: more.dpop === true })
  opened.push(client)
  const asked: string[] = []
  const store = memoryTokenStore()
  const authorized = createAuthorizedFetch({
    client,
    resource,
    store,
    scopes: ['mcp:tool:get_time'],
    ...(more.maxStepUps === undefined ? {} : { maxStepUps: more.maxStepUps }),
    async authorize({ scopes }) {
      asked.push([...scopes].sort().join(' '))
      const { url, ...pending } = await client.authorizationUrl({ scopes })
      return client.exchangeCode(await server.signIn(url), pending)
    },
  })
  return { client, asked, store, authorized }
}

test('the first token is got once for all who wait', async () => {
  const { authorized, asked } = setup()
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => authorized(resource, { method: 'POST', body: '{}' })),
  )
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
  expect(asked).toEqual(['mcp:tool:get_time'])
})

test('steps up with the union of scopes, and no further than it may', async () => {
  const { authorized, asked } = setup()
  expect((await authorized(resource)).status).toBe(200)
  needed = ['mcp:tool:echo']
  const answer = await authorized(resource)
  expect([answer.status, (await answer.text()).split(' ').sort()]).toEqual([
    200,
    ['mcp:tool:echo', 'mcp:tool:get_time'],
  ])
  expect(asked).toEqual(['mcp:tool:get_time', 'mcp:tool:echo mcp:tool:get_time'])
  // A scope that is never granted is asked for once.
  needed = ['mcp:tool:never']
  expect((await authorized(resource)).status).toBe(403)
  expect(asked.length).toBe(3)
  const still = setup({ maxStepUps: 0 })
  needed = ['mcp:tool:echo']
  expect((await still.authorized(resource)).status).toBe(403)
  expect(still.asked.length).toBe(1)
})

test('a token that is refused is refreshed once', async () => {
  const { authorized, asked, store, client } = setup()
  await authorized(resource)
  const before = await store.load(keyOf(client))
  let refusals = 1
  instead = (_request, response) => {
    if (refusals-- <= 0) return false
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
    return true
  }
  expect((await authorized(resource)).status).toBe(200)
  expect((await store.load(keyOf(client)))?.accessToken).not.toBe(before?.accessToken)
  refusals = 5
  expect((await authorized(resource)).status).toBe(401)
  expect(asked.length).toBe(1)
})

test('a refresh token that has ended means a new sign-in', async () => {
  const { authorized, asked, store, client } = setup()
  const ended = { accessToken: 'x', refreshToken: 'made-up', tokenType: 'bearer', scopes: [], expiresAtMs: 1 }
  await store.save(keyOf(client), createTokenSet(ended))
  expect((await authorized(resource)).status).toBe(200)
  expect(asked.length).toBe(1)
})

test('proofs: the nonce is learned from the answer and kept', async () => {
  const { authorized } = setup({ dpop: true })
  expect((await authorized(resource, { method: 'POST', body: '{}' })).status).toBe(200)
  expect(seen).toEqual(['DPoP', 'DPoP'])
  expect((await authorized(resource)).status).toBe(200)
  expect(seen.length).toBe(3)
})

test('tokens are sent to their resource alone, and redirects are not followed', async () => {
  const { authorized } = setup()
  for (const url of [
    'https://evil.example/mcp',
    `${resource.replace('127.0.0.1', 'localhost')}`,
    'mcp',
    'javascript:1',
  ]) {
    await expect(authorized(url)).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
  }
  await expect(authorized(new Request(resource))).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
  await expect(authorized(resource, { method: 'POST', body: new ReadableStream() })).rejects.toMatchObject({
    code: 'ERR_OAUTH2_OPTIONS',
  })
  instead = (_request, response) => {
    response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()
    return true
  }
  expect((await authorized(resource)).status).toBe(307)
})

test('one client and one store for two resources: each gets its own token, and none gets another', async () => {
  const { client, store } = setup()
  const evil = 'http://127.0.0.1:1/mcp'
  const tokens = (of: string) =>
    createTokenSet({ accessToken: `for ${of}`, tokenType: 'bearer', scopes: [], resource: of })
  const sent: string[] = []
  const fetchOf = (of: string, given = of) =>
    createAuthorizedFetch({
      client,
      store,
      resource: of,
      authorize: async () => tokens(given),
      fetch: async (url, init) => {
        sent.push(`${String(url)} ${new Headers(init?.headers).get('authorization')}`)
        return new Response()
      },
    })
  await fetchOf(resource)(resource)
  await fetchOf(evil)(evil)
  expect(sent).toEqual([`${resource} Bearer for ${resource}`, `${evil} Bearer for ${evil}`])
  const other = 'http://127.0.0.1:2/mcp'
  await expect(fetchOf(other, resource)(other)).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
  expect(() => fetchOf('http://mcp.example.com/mcp')).toThrow(expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS' }))
})
