import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { inputRequired, McpServer } from '@modelcontextprotocol/server'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createPolicy } from '@portcullis/authz'
import { createGuard } from '@portcullis/guard'
import { type McpEndpoint, secureStdio } from '../src/index.ts'
import { bothEras } from '../src/sdk-v2.ts'
import {
  createGates,
  eventually,
  everyKey,
  follow,
  type Listening,
  readMessages,
  keyring,
  naiveServer,
  post,
  principal,
  rpc,
  serve,
  type World,
} from './support.ts'

const revision = '2026-07-28'
const envelope = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  'io.modelcontextprotocol/protocolVersion': revision,
  'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  ...more,
})

type Fields = Record<string, unknown>

const ask = (method: string, params: Fields = {}, meta: Fields = envelope()) => rpc(method, { ...params, _meta: meta })

/** The headers that belong to a message. */
const headersOf = (message: { method: string; params: any }): Record<string, string> => {
  const name = message.method === 'resources/read' ? message.params.uri : message.params.name
  return {
    'mcp-protocol-version': revision,
    'mcp-method': message.method,
    ...(name === undefined ? {} : { 'mcp-name': name }),
  }
}

const send = (url: string, key: string | undefined, method: string, params: Fields = {}, meta?: Fields) => {
  const message = ask(method, params, meta)
  return post(url, key, message, headersOf(message))
}

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

/** A server with what only 2026-07-28 has: it asks its client for input by its answer, and declares headers for arguments. */
const modernServer = (era: object, made: McpServer[]): McpServer => {
  const server = new McpServer(
    { name: 'both', version: '1' },
    { ...era, capabilities: { logging: {}, tools: { listChanged: true }, resources: { subscribe: true } } },
  )
  made.push(server)
  server.registerTool('hello', { inputSchema: z.object({ name: z.string().optional() }) }, async ({ name }) =>
    text(`Hello, ${name ?? 'World'}!`),
  )
  server.registerTool('whoami', { inputSchema: z.object({}) }, async (_, context) =>
    text(`${context.http?.authInfo?.clientId} ${String(context.http?.authInfo?.extra?.['revision'])}`),
  )
  server.registerTool('confirm', { inputSchema: z.object({}) }, async (_, context) => {
    const state = context.mcpReq.requestState()
    if (state !== undefined) return text(`state ${String(state)}`)
    return inputRequired({
      inputRequests: {
        sure: inputRequired.elicit({
          message: 'Sure?',
          requestedSchema: { type: 'object', properties: { yes: { type: 'boolean' } } },
        }),
      },
      requestState: 'round-1',
    }) as never
  })
  server.registerTool(
    'route',
    { inputSchema: z.object({ region: z.string().meta({ 'x-mcp-header': 'Region' }) }) },
    async ({ region }) => text(region),
  )
  for (const name of ['open', 'secret']) {
    server.registerResource(name, `memo://${name}/1`, {}, async (uri) => ({
      contents: [{ uri: uri.href, text: name }],
    }))
  }
  server.server.setRequestHandler('resources/subscribe' as never, (async () => ({})) as never)
  server.registerPrompt('greet', { description: 'greets' }, async () => ({
    messages: [{ role: 'user' as const, content: { type: 'text' as const, text: 'hi' } }],
  }))
  return server
}

const listen = (url: string, key: string, notifications: Fields): Promise<Listening> => {
  const message = ask('subscriptions/listen', { notifications })
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'x-api-key': key,
    ...headersOf(message),
  }
  return follow((signal) => fetch(url, { method: 'POST', headers, body: JSON.stringify(message), signal }))
}

const endpoints: [string, () => McpEndpoint][] = [
  ['a v1 server, by translation', () => naiveServer('v1', createGates()) as never],
  [
    'a v2 server that was made for the older revisions, by translation',
    () => naiveServer('v2', createGates()) as never,
  ],
  ['a v2 server for both eras', () => bothEras((era) => modernServer(era, []))],
  ['a v2 server that forgot what it was told, by translation', () => bothEras(() => modernServer({}, []))],
]

describe.each(endpoints)('2026-07-28 before %s', (_, make) => {
  let world: World
  let url: string
  beforeAll(async () => {
    world = await serve(make())
    url = world.served.url
  })
  afterAll(async () => world.served.close(0))

  it('discovers, and says which revisions it speaks and that one must authenticate', async () => {
    const { status, body } = await send(url, 'alice', 'server/discover')
    expect(status).toBe(200)
    expect(body.result).toMatchObject({
      resultType: 'complete',
      supportedVersions: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'],
      cacheScope: 'private',
      capabilities: { experimental: { authentication: { required: true, types: ['api_key'] } } },
    })
    expect(body.result._meta['io.modelcontextprotocol/serverInfo'].name).toMatch(/naive|both/)
  })

  it('mints no session and minds none', async () => {
    const message = ask('tools/call', { name: 'hello', arguments: {} })
    const { status, headers, body } = await post(url, 'alice', message, {
      ...headersOf(message),
      'mcp-session-id': 'anything',
    })
    expect([status, body.result.content[0].text, headers.get('mcp-session-id')]).toEqual([200, 'Hello, World!', null])
  })

  it('filters lists, and never lets one be shared', async () => {
    const all = await send(url, 'alice', 'tools/list')
    const few = await send(url, 'limited', 'tools/list')
    expect(all.body.result.tools.length).toBeGreaterThan(2)
    expect(few.body.result.tools.map(({ name }: { name: string }) => name)).toEqual(['hello'])
    for (const { body } of [all, few])
      expect(body.result).toMatchObject({ resultType: 'complete', cacheScope: 'private' })
    const resources = await send(url, 'limited', 'resources/list')
    expect(resources.body.result.resources.map(({ uri }: { uri: string }) => uri)).toEqual(['memo://open/1'])
  })

  it('decides on calls, resources and prompts', async () => {
    expect((await send(url, 'limited', 'tools/call', { name: 'whoami', arguments: {} })).status).toBe(403)
    expect((await send(url, 'limited', 'resources/read', { uri: 'memo://secret/1' })).status).toBe(403)
    expect((await send(url, 'limited', 'prompts/get', { name: 'greet' })).status).toBe(403)
    expect((await send(url, undefined, 'tools/call', { name: 'hello', arguments: {} })).status).toBe(401)
    const read = await send(url, 'limited', 'resources/read', { uri: 'memo://open/1' })
    expect(read.body.result).toMatchObject({
      contents: [{ text: 'open' }],
      cacheScope: 'private',
      resultType: 'complete',
    })
  })

  it.each(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'tasks/list', 'made/up'])(
    'answers 404 and -32601 to %s',
    async (method) => {
      const { status, body } = await send(url, 'alice', method, { protocolVersion: '2025-11-25', capabilities: {} })
      expect([status, body.error.code]).toEqual([404, -32601])
    },
  )

  it('serves the official client that is pinned to the revision', async () => {
    const client = new Client({ name: 'pinned', version: '1' }, { versionNegotiation: { mode: { pin: revision } } })
    const requestInit = { headers: { 'x-api-key': 'alice' } }
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toContain('hello')
    const answer = await client.callTool({ name: 'hello', arguments: { name: 'Ada' } })
    expect(answer.content).toEqual([{ type: 'text', text: 'Hello, Ada!' }])
    expect((await client.readResource({ uri: 'memo://open/1' })).contents).toHaveLength(1)
    await client.close()
  })

  it('logs to a request only what it asks for', async () => {
    const { body } = await send(url, 'alice', 'tools/list')
    if (!body.result.tools.some(({ name }: { name: string }) => name === 'shout')) return
    const shout = async (level?: string) => {
      const meta = envelope(level === undefined ? {} : { 'io.modelcontextprotocol/logLevel': level })
      const { messages } = await send(url, 'alice', 'tools/call', { name: 'shout', arguments: { what: 'x' } }, meta)
      return messages.filter(({ method }) => method === 'notifications/message').length
    }
    expect([await shout(), await shout('nonsense'), await shout('error'), await shout('debug')]).toEqual([0, 0, 0, 1])
  })

  it('keeps concurrent callers apart', async () => {
    const said = await Promise.all(
      Array.from({ length: 40 }, async (_unused, index) => {
        const who = index % 2 === 0 ? 'alice' : 'mallory'
        const { body } = await send(url, who, 'tools/call', { name: 'whoami', arguments: {} })
        return body.result.content[0].text.split(' ')[0] === `api_key:t::${who}`
      }),
    )
    expect(said).not.toContain(false)
  })
})

describe('headers and body of 2026-07-28', () => {
  let world: World
  let url: string
  beforeAll(async () => {
    world = await serve(bothEras((era) => modernServer(era, [])))
    url = world.served.url
  })
  afterAll(async () => world.served.close(0))

  const hello = () => ask('tools/call', { name: 'hello', arguments: {} })
  const without = (name: string): Record<string, string> => {
    const { [name]: _, ...rest } = headersOf(hello())
    return rest
  }

  it.each<[string, Record<string, string>]>([
    ['no version', without('mcp-protocol-version')],
    ['another version', { ...headersOf(hello()), 'mcp-protocol-version': '2025-11-25' }],
    ['no method', without('mcp-method')],
    ['another method', { ...headersOf(hello()), 'mcp-method': 'tools/list' }],
    ['no name', without('mcp-name')],
    ['another name', { ...headersOf(hello()), 'mcp-name': 'whoami' }],
    ['a name in broken base64', { ...headersOf(hello()), 'mcp-name': '=?base64?aGVsbG8?=' }],
    ['another name in base64', { ...headersOf(hello()), 'mcp-name': '=?base64?d2hvYW1p?=' }],
  ])('refuses %s with -32020', async (_name, headers) => {
    const { status, body } = await post(url, 'alice', hello(), headers)
    expect([status, body.error.code]).toEqual([400, -32020])
  })

  it.each<[string, Record<string, string>]>([
    ['as they are', headersOf(hello())],
    ['with spaces around', { ...headersOf(hello()), 'mcp-name': ' hello ' }],
    ['in base64', { ...headersOf(hello()), 'mcp-name': '=?base64?aGVsbG8=?=' }],
  ])('takes names %s', async (_name, headers) => {
    expect((await post(url, 'alice', hello(), headers)).status).toBe(200)
  })

  it.each<[string, Fields]>([
    ['no envelope', {}],
    ['no capabilities', { 'io.modelcontextprotocol/clientCapabilities': undefined }],
    ['capabilities that are a list', { 'io.modelcontextprotocol/clientCapabilities': [] }],
    ['a client without a version', { 'io.modelcontextprotocol/clientInfo': { name: 'x' } }],
    ['a version that is a number', { 'io.modelcontextprotocol/protocolVersion': 20260728 }],
  ])('refuses %s with -32602', async (name, change) => {
    const meta = name === 'no envelope' ? {} : envelope(change)
    const message = ask('tools/call', { name: 'hello', arguments: {} }, meta)
    const { status, body } = await post(url, 'alice', message, headersOf(message))
    expect([status, body.error.code]).toEqual([400, -32602])
  })

  it('refuses versions that nobody speaks with -32022, whatever the other headers', async () => {
    const message = ask('tools/list', {}, envelope({ 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }))
    for (const headers of [{}, { 'mcp-protocol-version': '2099-01-01' }]) {
      const { status, body } = await post(url, 'alice', message, headers)
      expect([status, body.error.code, body.error.data.requested]).toEqual([400, -32022, '2099-01-01'])
      expect(body.error.data.supported).toContain(revision)
    }
  })

  it('refuses an initialize under the header of 2026-07-28, and batches that hold one of its messages', async () => {
    const initialize = rpc('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {} })
    const headed = await post(url, 'alice', initialize, { 'mcp-protocol-version': revision })
    expect([headed.status, headed.body.error.code]).toEqual([400, -32020])
    const started = await post(
      url,
      'alice',
      rpc('initialize', { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: {} }),
    )
    const session = { 'mcp-session-id': started.headers.get('mcp-session-id') as string }
    const batch = await post(url, 'alice', [hello()], session)
    expect([batch.status, batch.body.error.code]).toEqual([400, -32600])
  })

  it('does not tell strangers about their headers', async () => {
    expect((await post(url, undefined, hello(), {})).status).toBe(401)
  })

  describe('arguments that stand in headers', () => {
    const route = (region: string) => ask('tools/call', { name: 'route', arguments: { region } })
    it.each<[string, Record<string, string>, number]>([
      ['missing', {}, 400],
      ['another', { 'mcp-param-region': 'eu' }, 400],
      ['broken', { 'mcp-param-region': '=?base64?!?=' }, 400],
      ['equal', { 'mcp-param-region': 'us' }, 200],
      ['equal in base64', { 'mcp-param-region': '=?base64?dXM=?=' }, 200],
    ])('%s', async (_name, headers, status) => {
      const message = route('us')
      const answer = await post(url, 'alice', message, { ...headersOf(message), ...headers })
      expect(answer.status).toBe(status)
      if (status === 400) expect(answer.body.error.code).toBe(-32020)
    })

    it('are looked at as the tool says now, not as it said once', async () => {
      const made: McpServer[] = []
      const { served } = await serve(bothEras((era) => modernServer(era, made)))
      const message = ask('tools/call', { name: 'later', arguments: { region: 'us' } })
      const first = ask('tools/call', { name: 'route', arguments: { region: 'us' } })
      expect((await post(served.url, 'alice', first, headersOf(first))).status).toBe(400)
      for (const server of made) {
        const region = z.string().meta({ 'x-mcp-header': 'Region' })
        server.registerTool('later', { inputSchema: z.object({ region }) }, async () => text('ran'))
      }
      expect((await post(served.url, 'alice', message, headersOf(message))).status).toBe(400)
      const told = { ...headersOf(message), 'mcp-param-region': 'us' }
      expect((await post(served.url, 'alice', message, told)).status).toBe(200)
      await served.close(0)
    })

    it('are not looked at for those who may not call the tool', async () => {
      const message = route('us')
      expect((await post(url, 'limited', message, headersOf(message))).status).toBe(403)
    })
  })
})

describe('what a server asks its client for', () => {
  it('comes with a state that is good for this caller and this request alone', async () => {
    const { served } = await serve(bothEras((era) => modernServer(era, [])))
    const { url } = served
    const first = await send(url, 'alice', 'tools/call', { name: 'confirm', arguments: {} })
    expect(first.body.result).toMatchObject({ resultType: 'input_required' })
    expect(first.body.result.cacheScope).toBeUndefined()
    const state: string = first.body.result.requestState
    expect(state).not.toContain('round')

    const again = (key: string, name: string, requestState: unknown) =>
      send(url, key, 'tools/call', {
        name,
        arguments: {},
        requestState,
        inputResponses: { sure: { action: 'accept', content: { yes: true } } },
      })
    expect((await again('alice', 'confirm', state)).body.result.content[0].text).toBe('state round-1')
    const flipped = `${state.slice(0, 20)}${state[20] === 'A' ? 'B' : 'A'}${state.slice(21)}`
    for (const [key, name, tried] of [
      ['mallory', 'confirm', state],
      ['alice', 'hello', state],
      ['alice', 'confirm', flipped],
      ['alice', 'confirm', 'round-1'],
      ['alice', 'confirm', 7],
    ] as const) {
      expect((await again(key, name, tried)).body.error.code).toBe(-32602)
    }
    await served.close(0)
  })

  it('is refused at once where an older server asks in the older way', async () => {
    const { served } = await serve(naiveServer('v1', createGates()) as never)
    const { body } = await send(served.url, 'alice', 'tools/call', { name: 'ask', arguments: { question: '?' } })
    expect(body.result.isError ?? body.error).toBeTruthy()
    await served.close(0)
  })
})

describe('subscriptions/listen', () => {
  let world: World
  let url: string
  const made: McpServer[] = []
  const updated = (uri: string) => Promise.all(made.map((server) => server.server.sendResourceUpdated({ uri })))
  beforeAll(async () => {
    world = await serve(bothEras((era) => modernServer(era, made)))
    url = world.served.url
    await send(url, 'alice', 'server/discover')
  })
  afterAll(async () => world.served.close(0))

  const both = ['memo://open/1', 'memo://secret/1']

  it('acknowledges what the server can do, and stamps what it sends', async () => {
    const stream = await listen(url, 'alice', {
      toolsListChanged: true,
      promptsListChanged: false,
      resourceSubscriptions: both,
    })
    const acknowledged = await stream.next()
    expect(acknowledged).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true, resourceSubscriptions: both } },
    })
    const id = acknowledged.params._meta['io.modelcontextprotocol/subscriptionId']
    expect(id).toBeDefined()
    await (made[0] as McpServer).server.sendToolListChanged()
    expect(await stream.next()).toMatchObject({
      method: 'notifications/tools/list_changed',
      params: { _meta: { 'io.modelcontextprotocol/subscriptionId': id } },
    })
    await (made.at(-1) as McpServer).server.sendResourceUpdated({ uri: 'memo://secret/1' })
    expect(await stream.next()).toMatchObject({
      method: 'notifications/resources/updated',
      params: { uri: 'memo://secret/1', _meta: { 'io.modelcontextprotocol/subscriptionId': id } },
    })
    stream.close()
  })

  it('needs the right to every resource', async () => {
    expect((await listen(url, 'limited', { resourceSubscriptions: both })).status).toBe(403)
    expect((await listen(url, 'limited', { resourceSubscriptions: ['memo://open/../secret/1'] })).status).toBe(403)
    const own = await listen(url, 'limited', { resourceSubscriptions: ['memo://open/1'] })
    expect(own.status).toBe(200)
    own.close()
    const message = ask('subscriptions/listen', { notifications: { resourceSubscriptions: 'memo://open/1' } })
    expect((await post(url, 'alice', message, headersOf(message))).body.error.code).toBe(-32602)
  })

  it('decides on each delivery anew', async () => {
    world.keys['changing'] = principal('api_key:t::changing', ['resource:*'])
    const stream = await listen(url, 'changing', { resourceSubscriptions: both })
    await stream.next()
    world.keys['changing'] = principal('api_key:t::changing', ['resource:memo://open/*'])
    await updated('memo://secret/1')
    await updated('memo://open/1')
    expect((await stream.next()).params.uri).toBe('memo://open/1')
    stream.close()
  })

  it('ends with its credential', async () => {
    world.keys['leaving'] = principal('api_key:t::leaving', ['*'])
    const stream = await listen(url, 'leaving', { resourceSubscriptions: both })
    await stream.next()
    delete world.keys['leaving']
    await updated('memo://open/1')
    const last = await stream.next()
    expect(last.result).toMatchObject({ resultType: 'complete' })
    expect(await stream.next()).toBeUndefined()
  })

  it('ends with its credential when there is nothing to deliver, too', async () => {
    world.keys['idle'] = principal('api_key:t::idle', ['*'])
    const stream = await listen(url, 'idle', { toolsListChanged: true })
    await stream.next()
    delete world.keys['idle']
    expect((await stream.next()).result).toMatchObject({ resultType: 'complete' })
    expect(await stream.next()).toBeUndefined()
  })

  it('promises no updates that the server does not send', async () => {
    const { served } = await serve(
      bothEras((era) => new McpServer({ name: 'plain', version: '1' }, { ...era, capabilities: { resources: {} } })),
    )
    const stream = await listen(served.url, 'alice', { resourceSubscriptions: both })
    expect((await stream.next()).params.notifications).toEqual({})
    await served.close(0)
  })

  it('ends at once when nothing of it can be had', async () => {
    const stream = await listen(url, 'alice', { promptsListChanged: false })
    expect((await stream.next()).params.notifications).toEqual({})
    expect((await stream.next()).result.resultType).toBe('complete')
    expect(await stream.next()).toBeUndefined()
  })

  it('is bounded for each principal', async () => {
    const streams = await Promise.all(
      Array.from({ length: 100 }, () => listen(url, 'mallory', { toolsListChanged: true })),
    )
    for (const stream of streams) await stream.next()
    const message = ask('subscriptions/listen', { notifications: { toolsListChanged: true } })
    expect((await post(url, 'mallory', message, headersOf(message))).body.error.message).toMatch(/Too many/)
    const other = await listen(url, 'alice', { toolsListChanged: true })
    expect((await other.next()).method).toBe('notifications/subscriptions/acknowledged')
    for (const stream of [...streams, other]) stream.close()
    // Who goes away makes room.
    await eventually(async () => {
      const next = await listen(url, 'mallory', { toolsListChanged: true })
      const first = await next.next()
      next.close()
      return first?.method === 'notifications/subscriptions/acknowledged'
    })
  })

  it('tells a server with sessions what its clients listen to', async () => {
    const subscribed: string[] = []
    const server = naiveServer('v1', createGates())
    for (const method of ['subscribe', 'unsubscribe']) {
      ;(server.server as any).setRequestHandler(
        z.object({ method: z.literal(`resources/${method}`), params: z.looseObject({ uri: z.string() }) }),
        async ({ params }: { params: { uri: string } }) => {
          subscribed.push(`${method} ${params.uri}`)
          return {}
        },
      )
    }
    const { served } = await serve(server as never)
    const stream = await listen(served.url, 'alice', { resourceSubscriptions: ['memo://open/1'] })
    await stream.next()
    await eventually(() => subscribed.length === 1)
    await server.server.sendResourceUpdated({ uri: 'memo://open/1' })
    expect((await stream.next()).params.uri).toBe('memo://open/1')
    stream.close()
    await eventually(() => subscribed.length === 2)
    expect(subscribed).toEqual(['subscribe memo://open/1', 'unsubscribe memo://open/1'])
    await served.close(0)
  })

  it('ends with an answer when the server stops', async () => {
    const { served } = await serve(bothEras((era) => modernServer(era, [])))
    const stream = await listen(served.url, 'alice', { toolsListChanged: true })
    await stream.next()
    const closed = served.close(5000)
    expect((await stream.next()).result.resultType).toBe('complete')
    await closed
  })
})

describe('2026-07-28 on stdio', () => {
  const start = async (endpoint: McpEndpoint, credential: string) => {
    const keys = everyKey()
    const guard = createGuard({ authenticate: { apiKeys: keyring(keys) }, policy: createPolicy() })
    const [input, output] = [new PassThrough(), new PassThrough()]
    const seen = readMessages(output)
    const { ended } = await secureStdio(endpoint, guard, { input, output, credential })
    const say = (message: unknown) => input.write(`${JSON.stringify(message)}\n`)
    const tell = async (message: { id: unknown }) => {
      say(message)
      return eventually(() => seen.find(({ id, method }) => id === message.id && method === undefined))
    }
    return { keys, seen, say, tell, end: () => input.end(), ended }
  }

  it.each(endpoints)('serves %s', async (_name, make) => {
    const { tell, end, ended } = await start(make(), 'limited')
    expect((await tell(ask('server/discover'))).result.supportedVersions).toContain(revision)
    const { result } = await tell(ask('tools/list'))
    expect(result).toMatchObject({ tools: [{ name: 'hello' }], cacheScope: 'private' })
    expect((await tell(ask('tools/call', { name: 'hello', arguments: {} }))).result.content[0].text).toBe(
      'Hello, World!',
    )
    expect((await tell(ask('tools/call', { name: 'whoami', arguments: {} }))).error.code).toBe(403)
    expect((await tell(ask('ping'))).error.code).toBe(-32601)
    const unknown = ask('tools/list', {}, envelope({ 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }))
    expect((await tell(unknown)).error.code).toBe(-32022)
    expect(
      (await tell(ask('tools/list', {}, { 'io.modelcontextprotocol/protocolVersion': revision }))).error.code,
    ).toBe(-32602)
    // A client that finds no common ground by `server/discover` goes on with `initialize`.
    const started = rpc('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    })
    expect((await tell(started)).result.protocolVersion).toBe('2025-11-25')
    end()
    await ended
  })

  it('listens, and stops when it is told to', async () => {
    const made: McpServer[] = []
    const { say, seen, tell, end, ended } = await start(
      bothEras((era) => modernServer(era, made)),
      'alice',
    )
    await tell(ask('server/discover'))
    const message = ask('subscriptions/listen', { notifications: { toolsListChanged: true } })
    say(message)
    await eventually(() => seen.find(({ method }) => method === 'notifications/subscriptions/acknowledged'))
    const changed = () => seen.filter(({ method }) => method === 'notifications/tools/list_changed').length
    await (made.at(-1) as McpServer).server.sendToolListChanged()
    await eventually(() => changed() === 1)
    say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: message.id } })
    await tell(ask('tools/list'))
    await (made.at(-1) as McpServer).server.sendToolListChanged()
    await tell(ask('tools/list'))
    expect(changed()).toBe(1)
    expect(seen.some(({ id, method }) => id === message.id && method === undefined)).toBe(false)
    end()
    await ended
  })
})
