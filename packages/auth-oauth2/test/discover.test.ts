import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  createOAuthClient,
  createTokenVerifier,
  discoverAuthorization,
  protectedResourceMetadata,
  registerClient,
} from '../src/index.ts'
import { type AuthorizationServer, startAuthorizationServer } from './authorization-server.ts'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let web: Server
let base: string
let server: AuthorizationServer
const pages = new Map<string, object>()
beforeAll(async () => {
  web = createServer((request, response) => {
    const page = pages.get(request.url ?? '')
    if (page === undefined) response.writeHead(404).end()
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(page))
  })
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(web.address() as AddressInfo).port}`
  server = await startAuthorizationServer({ resources: [`${base}/mcp`] })
})
afterAll(async () => {
  await server.stop()
  web.closeAllConnections()
  await new Promise((resolve) => web.close(resolve))
})

test('from the URL of an MCP server to a token for it, with nothing else known', async () => {
  const resource = `${base}/mcp`
  const { document, path } = protectedResourceMetadata({
    resource,
    authorizationServers: [server.issuer],
    scopes: ['mcp:tool:get_time'],
  })
  pages.set(path, document)
  const found = await discoverAuthorization(resource)
  expect(found).toEqual({
    resource,
    issuer: server.issuer,
    issuers: [server.issuer],
    scopes: ['mcp:tool:get_time'],
    supportsClientMetadataDocuments: false,
    supportsRegistration: true,
    discovered: false,
  })
  const { issuer, scopes } = found
  const { redirectUri } = server
  const { clientId } = await registerClient({ issuer, clientName: 'A stranger', redirectUris: [redirectUri] })
  const client = createOAuthClient({ issuer, clientId, redirectUri, resource: found.resource, scopes })
  const { url, ...pending } = await client.authorizationUrl()
  const tokens = await client.exchangeCode(await server.signIn(url), pending)
  const verifier = createTokenVerifier({ resource, issuers: [{ issuer }] })
  expect(await verifier.verify(tokens.accessToken)).toMatchObject({
    ok: true,
    principal: { grants: ['tool:get_time'] },
  })
  verifier.close()
  client.close()
})

test('the challenge says where, and which scopes; else the root is looked at too', async () => {
  const document = {
    resource: `${base}/mcp`,
    authorization_servers: [server.issuer],
    scopes_supported: ['a', 'b c', 1],
  }
  pages.clear()
  pages.set('/.well-known/oauth-protected-resource', document)
  expect((await discoverAuthorization(`${base}/mcp`)).scopes).toEqual(['a'])
  // A part of a resource is of that resource.
  expect((await discoverAuthorization(`${base}/mcp/part`)).resource).toBe(`${base}/mcp`)
  pages.clear()
  pages.set('/elsewhere', document)
  const challenge = `Bearer scope="mcp:tool:x mcp:tool:y", resource_metadata="${base}/elsewhere"`
  expect((await discoverAuthorization(`${base}/mcp`, { challenge })).scopes).toEqual(['mcp:tool:x', 'mcp:tool:y'])
  for (const place of ['https://evil.example/x', 'http://127.0.0.1:1/x', 'javascript:alert(1)']) {
    const led = discoverAuthorization(`${base}/mcp`, { challenge: `Bearer resource_metadata="${place}"` })
    await expect(led).rejects.toMatchObject({ code: 'ERR_OAUTH2_METADATA' })
  }
  pages.clear()
  await expect(discoverAuthorization(`${base}/mcp`)).rejects.toMatchObject({ code: 'ERR_OAUTH2_METADATA' })
})

test('who chooses, chooses among those that the resource names', async () => {
  const issuers = ['https://unreachable.invalid', server.issuer]
  pages.clear()
  pages.set('/.well-known/oauth-protected-resource/mcp', { resource: `${base}/mcp`, authorization_servers: issuers })
  const found = await discoverAuthorization(`${base}/mcp`, { choose: (all) => all[1] as string })
  expect(found.issuer).toBe(server.issuer)
  const other = discoverAuthorization(`${base}/mcp`, { choose: () => 'https://evil.example' })
  await expect(other).rejects.toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
})

test('a resource on the internet leads nowhere inside', async () => {
  const asked: string[] = []
  const fetch = async (url: string) => {
    asked.push(url)
    return Response.json({ resource: 'https://mcp.example/mcp', authorization_servers: ['https://10.0.0.1'] })
  }
  const found = discoverAuthorization('https://mcp.example/mcp', { fetch })
  await expect(found).rejects.toMatchObject({ code: 'ERR_OAUTH2_METADATA' })
  expect(asked).toEqual(['https://mcp.example/.well-known/oauth-protected-resource/mcp'])
  for (const url of ['https://10.0.0.1/mcp', 'https://localhost/mcp']) {
    await expect(discoverAuthorization(url, { fetch })).rejects.toMatchObject({ code: 'ERR_OAUTH2_METADATA' })
  }
  expect(asked.length).toBe(1)
})
