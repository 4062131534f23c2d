import { createOAuthClient } from '@portcullis/auth-oauth2'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../packages/auth-oauth2/test/authorization-server.ts'
import {
  administer,
  call,
  clients,
  createKey,
  eventually,
  post,
  request,
  run,
  start,
  temporary,
  textOf,
} from './support.ts'

vi.setConfig({ testTimeout: 40_000 })

/** Resources of a server are known once it has a port: the list grows while the tests run. */
const resources: string[] = []
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })
const access = 'mcp:server:access'

const environment = (as: AuthorizationServer): Record<string, string> => ({
  OAUTH2_AUTH_SERVER: as.issuer,
  OAUTH2_CLIENT_ID: as.clientId,
  OAUTH2_CLIENT_SECRET: as.clientSecret,
})

const startServer = async (env: Record<string, string>, files: Record<string, unknown> = {}) => {
  const server = await start({ env, files })
  const { port } = new URL(server.url)
  for (const name of ['127.0.0.1', 'localhost', '[::1]']) resources.push(`http://${name}:${port}/mcp`)
  return server
}

describe.each(['jwt', 'opaque'] as const)('three environment variables and %s access tokens', (accessTokenFormat) => {
  let as: AuthorizationServer
  beforeAll(async () => {
    as = await startAuthorizationServer({
      resources,
      accessTokenFormat,
      scopes: [access, 'mcp:tool:get_time', 'mcp:tool:echo', 'mcp:tool:*', 'mail:read', 'offline_access'],
    })
  })
  afterAll(() => as.stop())

  it('make a working resource server', async () => {
    const { url, dir } = await startServer(environment(as))
    expect(administer(dir, 'keys', 'list').stdout).not.toContain('first')
    const token = await as.token([access, 'mcp:tool:get_time'], url)

    const listed = await post(url, undefined, request('tools/list'), bearer(token))
    expect(listed.body.result.tools.map(({ name }: { name: string }) => name)).toEqual(['get_time'])
    expect((await post(url, undefined, call('get_time'), bearer(token))).status).toBe(200)

    const lacking = await post(url, undefined, call('echo', { message: 'x' }), bearer(token))
    expect(lacking.status).toBe(403)
    expect(lacking.headers.get('www-authenticate')).toBe(
      `Bearer error="insufficient_scope", scope="mcp:tool:echo", resource_metadata="${new URL(url).origin}/.well-known/oauth-protected-resource/mcp"`,
    )
    expect(lacking.body.error.data.code).toBe('PORTCULLIS_FORBIDDEN')
    const all = await as.token(['mcp:tool:*'], url)
    expect((await post(url, undefined, call('echo', { message: 'x' }), bearer(all))).status).toBe(200)
  })

  it('describe themselves at both places, by the name that the client used', async () => {
    const { url } = await startServer(environment(as))
    const { port } = new URL(url)
    for (const host of ['127.0.0.1', 'localhost']) {
      for (const place of ['', '/mcp']) {
        const response = await fetch(`http://${host}:${port}/.well-known/oauth-protected-resource${place}`)
        expect(response.status).toBe(200)
        expect(await response.json()).toMatchObject({
          resource: `http://${host}:${port}/mcp`,
          authorization_servers: [as.issuer],
          scopes_supported: [access],
          bearer_methods_supported: ['header'],
        })
      }
    }
    expect((await fetch(`http://127.0.0.1:${port}/.well-known/oauth-protected-resource/other`)).status).toBe(404)
  })

  it('challenge whoever has no credential, without an error; and one text for whatever is wrong with one', async () => {
    const { url } = await startServer(environment(as))
    const where = `scope="${access}", resource_metadata="${new URL(url).origin}/.well-known/oauth-protected-resource/mcp"`
    const none = await post(url, undefined, call('get_time'))
    expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, `Bearer ${where}`])
    const said = new Set<string>()
    for (const token of ['nonsense', 'a.b.c', `${await as.token([access], url)}x`, 'eyJhbGciOiJub25lIn0.e30.']) {
      const answer = await post(url, undefined, call('get_time'), bearer(token))
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
        401,
        `Bearer error="invalid_token", ${where}`,
      ])
      said.add(JSON.stringify(answer.body.error))
    }
    expect(said.size).toBe(1)
  })

  it('take no token that is for somebody else, and tell one without our scopes which it lacks', async () => {
    const { url } = await startServer(environment(as))
    const other = 'https://other.example.com/mcp'
    resources.push(other)
    const foreign = await post(url, undefined, call('get_time'), bearer(await as.token([access], other)))
    expect(foreign.status).toBe(401)
    const bare = await post(url, undefined, call('get_time'), bearer(await as.token(['mail:read'], url)))
    expect(bare.status).toBe(403)
    expect(bare.headers.get('www-authenticate')).toContain(`error="insufficient_scope", scope="${access}"`)
  })

  it('take API keys on the same endpoint, which are never shown to the authorization server', async () => {
    const { url, dir } = await startServer(environment(as))
    const key = createKey(dir, 'ci', 'get_time')
    await eventually(async () => (await post(url, key, call('get_time'))).status === 200)
    const before = as.requests.length
    expect((await post(url, undefined, call('get_time'), bearer(key))).status).toBe(200)
    expect((await post(url, undefined, call('get_time'), bearer(`${key.slice(0, -1)}!`))).status).toBe(401)
    const unknown = `${key.slice(0, -8)}AAAAAAAA`
    expect((await post(url, undefined, call('get_time'), bearer(unknown))).status).toBe(401)
    for (const damaged of [
      `${key}x`,
      `${key}.`,
      `${key}==`,
      key.slice(0, -1),
      key.slice(0, -3),
      key.toUpperCase(),
      key.slice(4),
    ]) {
      expect((await post(url, undefined, call('get_time'), bearer(damaged))).status).toBe(401)
    }
    expect(as.requests.slice(before).filter((line) => line.includes('introspection'))).toEqual([])
    // A key cannot be helped by more scopes: a challenge would start a flow that cannot succeed.
    const refused = await post(url, key, call('echo', { message: 'x' }))
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([403, null])
    // Only a bearer token is one.
    const token = await as.token([access, 'mcp:tool:get_time'], url)
    expect((await post(url, token, call('get_time'))).status).toBe(401)
  })

  it.each(Object.entries(clients))('serve %s with a token', async (_name, connect) => {
    const { url } = await startServer(environment(as))
    const client = await connect(url, bearer(await as.token(['mcp:tool:get_time'], url)))
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['get_time'])
    expect(textOf(await client.callTool({ name: 'get_time', arguments: {} }))).toMatch(/^\d{4}-/)
    expect(client.getServerCapabilities().experimental.authentication).toEqual({
      required: true,
      types: ['api_key', 'oauth2'],
    })
    await client.close()
  })

  it('go on with what they know while the authorization server is down, and never open', async () => {
    const own = await startAuthorizationServer({ resources, accessTokenFormat })
    const { url } = await startServer(environment(own))
    const [known, unknown] = [
      await own.token([access, 'mcp:tool:get_time'], url),
      await own.token([access, 'mcp:tool:get_time'], url),
    ]
    expect((await post(url, undefined, call('get_time'), bearer(known))).status).toBe(200)
    await own.stop()
    expect((await post(url, undefined, call('get_time'), bearer(known))).status).toBe(200)
    const answer = await post(url, undefined, call('get_time'), bearer(unknown))
    if (accessTokenFormat === 'jwt') {
      // Its keys are known: nobody has to be asked.
      expect(answer.status).toBe(200)
    } else {
      expect(answer.status).toBe(503)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(answer.headers.get('www-authenticate')).toBeNull()
    }
    await own.start()
    await eventually(async () => (await post(url, undefined, call('get_time'), bearer(unknown))).status === 200, 15_000)
    await own.stop()
  })

  it('are 503 for every token when the authorization server was never there, and API keys work', async () => {
    const own = await startAuthorizationServer({ resources, accessTokenFormat })
    await own.stop()
    const { url, dir } = await startServer(environment(own))
    const token = accessTokenFormat === 'jwt' ? await as.token([access], url) : 'opaque-token-nobody-knows'
    const answer = await post(url, undefined, call('get_time'), bearer(token))
    // A token of another issuer is refused without asking anybody.
    expect(answer.status).toBe(accessTokenFormat === 'jwt' ? 401 : 503)
    const key = createKey(dir, 'ci', 'get_time')
    await eventually(async () => (await post(url, key, call('get_time'))).status === 200)
  })
})

describe('the specification’s three calls', () => {
  it('lead from an authorization URL over a code to a tool', async () => {
    const as = await startAuthorizationServer({ resources, accessTokenFormat: 'jwt' })
    const { url } = await startServer(environment(as))
    const client = createOAuthClient({
      issuer: as.issuer,
      clientId: as.clientId,
      clientSecret: as.clientSecret,
      redirectUri: as.redirectUri,
      resource: url,
      scopes: [access, 'mcp:tool:get_time'],
    })
    const pending = await client.authorizationUrl()
    expect(new URL(pending.url).searchParams.get('state')).toBe(pending.state)
    const callback = await as.signIn(pending.url, 'ada')
    const tokens = await client.exchangeCode(callback, pending)
    const called = await post(url, undefined, call('get_time'), bearer(tokens.accessToken))
    expect(called.status).toBe(200)
    await as.stop()
  })
})

describe('an authorization server without discovery', () => {
  it('works through explicit endpoints', async () => {
    const as = await startAuthorizationServer({ resources, accessTokenFormat: 'opaque', discovery: false })
    const { url } = await startServer(
      { AS_SECRET: as.clientSecret },
      {
        'portcullis.yaml': JSON.stringify({
          auth: {
            oauth2: {
              issuers: [
                {
                  issuer: as.issuer,
                  mode: 'introspection',
                  clientId: as.clientId,
                  clientSecret: '${env:AS_SECRET}',
                  endpoints: { introspection: as.endpoints.introspection },
                },
              ],
            },
          },
        }),
      },
    )
    const token = await as.token([access, 'mcp:tool:get_time'], url)
    expect((await post(url, undefined, call('get_time'), bearer(token))).status).toBe(200)
    expect(as.requests.filter((line) => line.includes('.well-known'))).toEqual([])
    await as.stop()
  })
})

describe('mistakes in the settings of OAuth', () => {
  const secret = 'client-secret-that-must-not-be-shown'
  it.each<[string, Record<string, string>, unknown]>([
    ['a client without a server', { OAUTH2_CLIENT_ID: 'x' }, undefined],
    [
      'a secret without a client',
      { OAUTH2_AUTH_SERVER: 'https://as.example.com', OAUTH2_CLIENT_SECRET: secret },
      undefined,
    ],
    ['plain http beyond loopback', { OAUTH2_AUTH_SERVER: 'http://as.example.com' }, undefined],
    ['no URL', { OAUTH2_AUTH_SERVER: 'as.example.com' }, undefined],
    [
      'an algorithm with a shared secret',
      {},
      { auth: { oauth2: { issuers: [{ issuer: 'https://as.example.com', algorithms: ['HS256'] }] } } },
    ],
    ['no issuers', {}, { auth: { oauth2: { issuers: [] } } }],
    [
      'introspection without a client',
      {},
      { auth: { oauth2: { issuers: [{ issuer: 'https://a.example', mode: 'introspection' }] } } },
    ],
  ])('%s ends with 78 and writes nothing', async (_name, env, config) => {
    const cwd = temporary()
    const { writeFileSync } = await import('node:fs')
    if (config !== undefined) writeFileSync(`${cwd}/c.json`, JSON.stringify(config))
    const ended = run(['--port', '0', ...(config === undefined ? [] : ['--config', 'c.json'])], { cwd, env })
    expect(ended.code).toBe(78)
    expect(ended.stderr).toMatch(/^portcullis-server: .+\n$/)
    expect(ended.stderr).not.toContain(secret)
  })

  it('OAuth off loopback needs the URL that its tokens are for', () => {
    const cwd = temporary()
    const env = { OAUTH2_AUTH_SERVER: 'https://as.example.com' }
    const ended = run(['--host', '0.0.0.0', '--port', '0'], { cwd, env })
    expect([ended.code, ended.stderr]).toEqual([78, expect.stringContaining('publicUrl')])
  })

  it('without OAuth there is no description and no invitation', async () => {
    const { url } = await start()
    expect((await fetch(`${new URL(url).origin}/.well-known/oauth-protected-resource`)).status).toBe(404)
    expect((await fetch(`${new URL(url).origin}/.well-known/oauth-protected-resource/mcp`)).status).toBe(404)
    expect((await post(url, undefined, call('get_time'))).headers.get('www-authenticate')).toBe('Bearer')
  })
})
