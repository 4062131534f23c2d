import { createPolicy } from '@portcullis/authz'
import { afterEach, describe, expect, it } from 'vitest'
import { createGateway, type McpEndpoint } from '../src/index.ts'
import {
  createGates,
  eventually,
  follow,
  listen,
  naiveServer,
  post,
  principal,
  rpc,
  serve,
  startSession,
  type World,
} from './support.ts'

/** A server in another process as it may be: it answers what `answers` says, and nothing else. */
const scripted = (answers: Record<string, (params: any) => unknown>) => {
  let out: any
  const asked: any[] = []
  const endpoint: McpEndpoint = {
    remote: true,
    async connect(transport: never) {
      out = transport
      out.onmessage = async (message: any) => {
        asked.push(message)
        if (message.id === undefined) return
        const answer = answers[message.method]
        if (answer === undefined) return
        const result = await answer(message.params)
        if (result !== undefined) void out.send({ jsonrpc: '2.0', id: message.id, ...(result as object) })
      }
    },
  }
  return { endpoint, asked, say: (message: unknown) => out.send(message) }
}

const handshake = {
  result: {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {}, resources: { subscribe: true } },
    serverInfo: { name: 'u', version: '1' },
  },
}
const envelope = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}
const stateless = (method: string, params: Record<string, unknown> = {}) => rpc(method, { ...params, _meta: envelope })
const headersOf = (message: any): Record<string, string> => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': message.method,
  ...(message.params.name === undefined ? {} : { 'mcp-name': message.params.name }),
})

describe('an upstream that misbehaves', () => {
  let world: World
  afterEach(async () => world.served.close(0))

  const behind = async (upstream: McpEndpoint, local: McpEndpoint = naiveServer('v1', createGates()) as never) => {
    const gateway = createGateway(local, { u: upstream })
    world = await serve(gateway, { locate: gateway.names.locate, policy: createPolicy() })
    return world.served.url
  }

  it('says what cannot be written: nobody is told, everybody goes on', async () => {
    const upstream = scripted({ initialize: () => handshake, 'resources/subscribe': () => ({ result: {} }) })
    const url = await behind(upstream.endpoint)
    const session = await startSession(url, 'alice')
    const stream = await listen(url, 'alice', session)
    const uri = 'u+file:///a'
    await post(url, 'alice', rpc('resources/subscribe', { uri }), { 'mcp-session-id': session })
    const message = stateless('subscriptions/listen', { notifications: { resourceSubscriptions: [uri] } })
    const listening = await follow((signal) =>
      fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'text/event-stream',
          'x-api-key': 'alice',
          ...headersOf(message),
        },
        body: JSON.stringify(message),
        signal,
      }),
    )
    await listening.next()
    let deep: unknown = 1
    for (let depth = 0; depth < 200_000; depth++) deep = [deep]
    const updated = (extra: object) =>
      upstream.say({
        jsonrpc: '2.0',
        method: 'notifications/resources/updated',
        params: { uri: 'file:///a', ...extra },
      })
    await updated({ deep })
    await updated({ plain: 1 })
    expect((await stream.next()).params.plain).toBe(1)
    expect((await listening.next()).params.plain).toBe(1)
    stream.close()
    listening.close()
  })

  it('invents the id of a task of the local server: it stays with whom it belongs to', async () => {
    const task = { task: { taskId: 'task-1', status: 'working' } }
    const upstream = scripted({
      initialize: () => handshake,
      'tools/call': () => ({ result: { ...task, content: [] } }),
    })
    const local = scripted({
      initialize: () => handshake,
      'tools/call': () => ({ result: task }),
      'tasks/result': () => ({ result: { content: [{ type: 'text', text: 'the victim’s' }] } }),
    })
    const url = await behind(upstream.endpoint, local.endpoint)
    world.keys['attacker'] = principal('api_key:t::attacker', ['u/emit'])
    const [victim, attacker] = [await startSession(url, 'alice'), await startSession(url, 'attacker')]
    const as = (session: string) => ({ 'mcp-session-id': session })
    await post(url, 'attacker', rpc('tools/call', { name: 'u__emit', arguments: {}, task: { ttl: 1 } }), as(attacker))
    expect(upstream.asked.at(-1).params.task).toBeUndefined()
    await post(url, 'alice', rpc('tools/call', { name: 'long', arguments: {}, task: {} }), as(victim))
    const result = (key: string, session: string) =>
      post(url, key, rpc('tasks/result', { taskId: 'task-1' }), as(session))
    expect((await result('attacker', attacker)).body.error.message).toBe('Task not found')
    expect((await result('alice', victim)).body.result.content[0].text).toBe('the victim’s')
  })

  it('has a list larger than an answer may be: all others are shown', async () => {
    const tools = Array.from({ length: 300 }, (_, index) => ({
      name: `t${index}`,
      description: 'x'.repeat(20_000),
      inputSchema: {},
    }))
    const upstream = scripted({ initialize: () => handshake, 'tools/list': () => ({ result: { tools } }) })
    const url = await behind(upstream.endpoint)
    const { body } = await post(url, 'alice', rpc('tools/list'))
    expect(body.result.tools.map(({ name }: { name: string }) => name)).toContain('hello')
    expect(body.result.tools.some(({ name }: { name: string }) => name.startsWith('u__'))).toBe(false)
  })

  it('does not answer: whoever gives up takes no place, and what was asked for them is cancelled', async () => {
    const upstream = scripted({ initialize: () => handshake })
    const url = await behind(upstream.endpoint)
    const abandon = async (message: any, headers: Record<string, string>): Promise<void> => {
      const controller = new AbortController()
      const sent = fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', 'x-api-key': 'alice', ...headers },
        body: JSON.stringify(message),
        signal: controller.signal,
      }).catch(() => {})
      const seen = upstream.asked.length
      await eventually(() => upstream.asked.length > seen || undefined, 300).catch(() => {})
      controller.abort()
      await sent
    }
    for (let round = 0; round < 3; round++) {
      await abandon(rpc('tools/list'), {})
      const call = stateless('tools/call', { name: 'u__x', arguments: {} })
      await abandon(call, headersOf(call))
    }
    const lists = () => upstream.asked.filter(({ method }) => method === 'tools/list').length
    const cancelled = () => upstream.asked.filter(({ method }) => method === 'notifications/cancelled').length
    await eventually(() => cancelled() >= 3 || undefined)
    expect(lists()).toBeLessThanOrEqual(4)
    expect((await post(url, 'alice', rpc('tools/call', { name: 'hello', arguments: {} }))).status).toBe(200)
  })

  it('cannot be asked for its tools: nothing is called on its word that no header is declared', async () => {
    let fails = true
    const upstream = scripted({
      initialize: () => handshake,
      'tools/list': () =>
        fails
          ? { error: { code: -32603, message: 'not now' } }
          : {
              result: {
                tools: [{ name: 'x', inputSchema: { properties: { r: { type: 'string', 'x-mcp-header': 'R' } } } }],
              },
            },
      'tools/call': () => ({ result: { content: [] } }),
    })
    const url = await behind(upstream.endpoint)
    const call = stateless('tools/call', { name: 'u__x', arguments: { r: 'eu' } })
    const told = { ...headersOf(call), 'mcp-param-r': 'us' }
    expect((await post(url, 'alice', call, told)).status).toBe(503)
    fails = false
    expect((await post(url, 'alice', call, told)).status).toBe(400)
    expect((await post(url, 'alice', call, { ...told, 'mcp-param-r': 'eu' })).status).toBe(200)
  })
})

describe('anonymous listeners', () => {
  it('take places by address', async () => {
    const { createListeners } = await import('../src/hub/listeners.ts')
    const { createSession, noFacts } = await import('../src/hub/session.ts')
    const anonymous = principal('anonymous', ['*'], 'anonymous')
    const listeners = createListeners({ guard: {} as never, watch: () => {}, unwatch: () => {} })
    const handshakeOf = {
      protocolVersion: '2026-07-28',
      capabilities: { tools: { listChanged: true } },
      serverInfo: {},
    }
    const begin = (owner: string) =>
      listeners.listen(
        anonymous,
        owner,
        createSession('anonymous', noFacts('2026-07-28')),
        {
          jsonrpc: '2.0',
          id: 1,
          method: 'subscriptions/listen',
          params: { notifications: { toolsListChanged: true } },
        },
        { send: () => true, renew: async () => anonymous },
        handshakeOf,
      )
    const settled = async (listening: Promise<unknown>) =>
      Promise.race([listening, new Promise((resolve) => setTimeout(() => resolve('listening'), 20))])
    for (let index = 0; index < 100; index++) void begin('anonymous 192.0.2.1')
    expect(await settled(begin('anonymous 192.0.2.1'))).toMatchObject({ error: {} })
    expect(await settled(begin('anonymous 192.0.2.2'))).toBe('listening')
    listeners.close()
  })
})
