import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../packages/auth-oauth2/test/authorization-server.ts'
import { type AnyClient, cleanEnv, createKey, program, start, temporary, textOf } from './support.ts'

/** A credential as a client carries it: in a header over HTTP; on stdio the key is the process's own and a token is in each message. */
interface Carried {
  readonly headers: Record<string, string>
  readonly env: Record<string, string>
  readonly inMessages?: Record<string, string>
}

/** The official transport, with a credential put into every message. */
const carrying = (Stdio: typeof StdioV1 | typeof StdioV2, auth: Record<string, string> | undefined): typeof StdioV1 =>
  class extends (Stdio as typeof StdioV1) {
    override send(message: any): Promise<void> {
      if (auth === undefined || !('method' in message)) return super.send(message)
      const { params } = message
      return super.send({ ...message, params: { ...params, _meta: { ...params?._meta, auth } } })
    }
  }

const info = { name: 'matrix', version: '1' }
const pinned = { versionNegotiation: { mode: { pin: '2026-07-28' } } } as const

const kinds = {
  'the v1 client': { make: () => new ClientV1(info), http: HttpV1, stdio: StdioV1, revision: '2025-11-25' },
  'the v2 client by default': { make: () => new ClientV2(info), http: HttpV2, stdio: StdioV2, revision: '2025-11-25' },
  'the v2 client pinned to 2026-07-28': {
    make: () => new ClientV2(info, pinned),
    http: HttpV2,
    stdio: StdioV2,
    revision: '2026-07-28',
  },
} as const

describe.each(Object.entries(kinds))('%s', (_kind, { make, http: Http, stdio: Stdio, revision }) => {
  const resources: string[] = ['http://127.0.0.1:3000/mcp']
  let as: AuthorizationServer
  beforeAll(async () => {
    as = await startAuthorizationServer({ resources, scopes: ['mcp:tool:echo', 'mcp:tool:debug_info'] })
  })
  afterAll(() => as.stop())

  const use = async (client: AnyClient, method: string): Promise<void> => {
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name).sort()).toEqual(['debug_info', 'echo'])
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'here' } }))).toBe('here')
    const about = JSON.parse(textOf(await client.callTool({ name: 'debug_info', arguments: {} })))
    expect(about.protocolRevision).toBe(revision)
    expect(about.principal.id).toMatch(new RegExp(`^${method}:`))
    await expect(client.callTool({ name: 'get_time', arguments: {} })).rejects.toThrow(
      /[Nn]ot allowed|403|[Ii]nsufficient scope/,
    )
    expect(client.getServerCapabilities().experimental.authentication.required).toBe(true)
    await client.close()
  }

  const oauth = (token: string): Carried => ({
    headers: { authorization: `Bearer ${token}` },
    env: { OAUTH2_AUTH_SERVER: as.issuer, OAUTH2_CLIENT_ID: as.clientId, OAUTH2_CLIENT_SECRET: as.clientSecret },
    inMessages: { type: 'oauth2', access_token: token },
  })
  const apiKey = (key: string): Carried => ({ headers: { 'x-api-key': key }, env: { MCP_API_KEY: key } })

  it.each(['api_key', 'oauth2'] as const)('over HTTP with %s', async (method) => {
    const server = await start({ env: { OAUTH2_AUTH_SERVER: as.issuer } })
    resources.push(server.url)
    const { headers } =
      method === 'api_key'
        ? apiKey(createKey(server.dir, 'ci', 'echo', 'debug_info'))
        : oauth(await as.token(['mcp:tool:echo', 'mcp:tool:debug_info'], server.url))
    const client = make()
    await client.connect(new Http(new URL(server.url), { requestInit: { headers } }) as never)
    await use(client as unknown as AnyClient, method)
  })

  it.each(['api_key', 'oauth2'] as const)('on stdio with %s', async (method) => {
    const cwd = temporary()
    const { env, inMessages } =
      method === 'api_key'
        ? apiKey(createKey(join(cwd, 'config'), 'ci', 'echo', 'debug_info'))
        : oauth(await as.token(['mcp:tool:echo', 'mcp:tool:debug_info'], 'http://127.0.0.1:3000/mcp'))
    const transport = new (carrying(Stdio, inMessages))({
      command: process.execPath,
      args: [program, '--stdio'],
      env: cleanEnv(env),
      cwd,
      stderr: 'ignore',
    })
    const client = make()
    await client.connect(transport as never)
    await use(client as unknown as AnyClient, method)
  })
})
