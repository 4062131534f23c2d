import type { JsonRpcMessage, JsonRpcRequest } from '@portcullis/guard'
import { afterEach, describe, expect, it } from 'vitest'
import type { McpEndpoint, ServerTransport } from '../src/index.ts'
import { call, eventually, post, rpc, serve, startSession, type World } from './support.ts'

type Answering = (request: JsonRpcRequest) => unknown

/** A server that speaks JSON-RPC by hand: for handles that the SDKs' servers do not give out. */
const handMade = (
  answer: Answering,
): McpEndpoint & { transport: ServerTransport | undefined; seen: JsonRpcMessage[] } => {
  const endpoint = {
    transport: undefined as ServerTransport | undefined,
    seen: [] as JsonRpcMessage[],
    async connect(transport: never) {
      const own = transport as ServerTransport
      endpoint.transport = own
      own.onmessage = (message) => {
        endpoint.seen.push(message)
        if (!('method' in message) || !('id' in message)) return
        const result =
          message.method === 'initialize'
            ? {
                protocolVersion: '2025-11-25',
                capabilities: { tools: {}, tasks: {} },
                serverInfo: { name: 'hand', version: '1' },
              }
            : answer(message)
        void Promise.resolve(result).then((settled) => own.send({ jsonrpc: '2.0', id: message.id, result: settled }))
      }
    },
  }
  return endpoint
}

describe('handles that cross messages', () => {
  let world: World
  afterEach(async () => world.served.close(0))

  it('cursors are of use to the principal and the list they were given for', async () => {
    const cursors: unknown[] = []
    const endpoint = handMade(({ method, params }) => {
      cursors.push(params?.['cursor'])
      return method === 'tools/list' ? { tools: [], nextCursor: 'row 17' } : { prompts: [], nextCursor: 'row 17' }
    })
    world = await serve(endpoint)
    const { url } = world.served
    const given = (await post(url, 'alice', rpc('tools/list'))).body.result.nextCursor
    expect(given).not.toContain('17')

    expect((await post(url, 'alice', rpc('tools/list', { cursor: given }))).body.result.tools).toEqual([])
    expect(cursors).toEqual([undefined, 'row 17'])
    for (const [key, method, cursor] of [
      ['mallory', 'tools/list', given],
      ['alice', 'prompts/list', given],
      ['alice', 'tools/list', 'row 17'],
      ['alice', 'tools/list', `${given}A`],
      ['alice', 'tools/list', 17],
    ] as const) {
      expect((await post(url, key, rpc(method, { cursor }))).body.error, `${key} ${method}`).toMatchObject({
        code: -32602,
      })
    }
    expect(cursors).toHaveLength(2)
  })

  it('tasks belong to the principal that created them', async () => {
    const tasks: string[] = []
    const endpoint = handMade(({ method, params }) => {
      if (method === 'tools/call') {
        tasks.push(`task-${tasks.length + 1}`)
        return { task: { taskId: tasks.at(-1), status: 'working' } }
      }
      if (method === 'tasks/list') return { tasks: tasks.map((taskId) => ({ taskId, status: 'working' })) }
      return { taskId: params?.['taskId'], status: 'working' }
    })
    world = await serve(endpoint)
    const { url } = world.served
    const alice = { 'mcp-session-id': await startSession(url, 'alice') }
    const mallory = { 'mcp-session-id': await startSession(url, 'mallory') }
    const created = (await post(url, 'alice', call('long'), alice)).body.result.task.taskId
    await post(url, 'mallory', call('long'), mallory)

    expect((await post(url, 'alice', rpc('tasks/get', { taskId: created }), alice)).body.result.taskId).toBe(created)
    const before = endpoint.seen.length
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel']) {
      for (const taskId of [created, 'task-99', 42, undefined]) {
        expect((await post(url, 'mallory', rpc(method, { taskId }), mallory)).body.error).toMatchObject({
          code: -32602,
        })
      }
    }
    expect(endpoint.seen.length).toBe(before)
    const list = (await post(url, 'mallory', rpc('tasks/list'), mallory)).body.result.tasks
    expect(list.map(({ taskId }: { taskId: string }) => taskId)).toEqual(['task-2'])
  })

  it('the server sees neither the ids nor the progress tokens that clients choose', async () => {
    const endpoint = handMade(() => ({ content: [] }))
    world = await serve(endpoint)
    await post(world.served.url, 'alice', call('x', {}, 'secret-id', { progressToken: 'secret-token' }))
    const forwarded = endpoint.seen.find((message) => 'method' in message && message.method === 'tools/call')
    expect(JSON.stringify(forwarded)).not.toContain('secret')
  })

  it('answers that nobody asked for are dropped', async () => {
    const endpoint = handMade(() => ({ content: [] }))
    world = await serve(endpoint)
    for (const id of [999, 'x', null] as const)
      await endpoint.transport?.send({ jsonrpc: '2.0', id: id as never, result: {} })
    expect((await post(world.served.url, 'alice', call('x'))).status).toBe(200)
  })

  it('a server that ends answers everybody with an error and 503 from then on', async () => {
    const endpoint = handMade(() => new Promise(() => {}))
    world = await serve(endpoint)
    const { url } = world.served
    const lost = post(url, 'alice', call('x', {}, 3))
    await eventually(() => endpoint.seen.find((message) => 'method' in message && message.method === 'tools/call'))
    endpoint.connect = () => Promise.reject(new Error('gone'))
    endpoint.transport?.onclose?.()
    expect((await lost).body).toMatchObject({ id: 3, error: { code: -32603 } })
    const refused = await post(url, 'alice', call('x'))
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
  })

  it('ids that a lost server left unanswered can be used again', async () => {
    const endpoint = handMade(() => new Promise(() => {}))
    world = await serve(endpoint)
    const { url } = world.served
    const alice = { 'mcp-session-id': await startSession(url, 'alice') }
    const lost = post(url, 'alice', call('x', {}, 3), alice)
    await eventually(() => endpoint.seen.find((message) => 'method' in message && message.method === 'tools/call'))
    endpoint.transport?.onclose?.()
    expect((await lost).body.error.code).toBe(-32603)
    const again = post(url, 'alice', call('x', {}, 3), alice)
    await eventually(() => endpoint.seen.filter((message) => 'method' in message && message.method === 'tools/call')[1])
    await post(url, 'alice', { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 3 } }, alice)
    expect((await again).status).toBe(202)
  })

  it('a client that goes away frees what it asked: stateless calls are cancelled, those of a session forgotten', async () => {
    const endpoint = handMade(() => new Promise(() => {}))
    world = await serve(endpoint)
    const { url } = world.served
    const session = { 'mcp-session-id': await startSession(url, 'alice') }
    const leave = async (headers: Record<string, string>, id: number): Promise<void> => {
      const before = endpoint.seen.length
      const controller = new AbortController()
      const asked = fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': 'alice', ...headers },
        body: JSON.stringify(call('x', {}, id)),
        signal: controller.signal,
      }).catch(() => undefined)
      await eventually(() => (endpoint.seen.length > before ? true : undefined))
      controller.abort()
      await asked
    }
    await leave({}, 1)
    const cancelled = () =>
      endpoint.seen.filter((message) => 'method' in message && message.method === 'notifications/cancelled')
    await eventually(() => (cancelled().length === 1 ? true : undefined))
    await leave(session, 2)
    // The id is free again although the server was not told to stop.
    await eventually(async () => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 50)
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': 'alice', ...session },
        body: JSON.stringify(call('x', {}, 2)),
        signal: controller.signal,
      }).catch(() => 'still waiting')
      return answer === 'still waiting' ? true : undefined
    })
    expect(cancelled()).toHaveLength(1)
  })

  it('a request of the server that a session took with it is answered for it', async () => {
    const endpoint = handMade(async (request) => {
      void endpoint.transport?.send(
        { jsonrpc: '2.0', id: 'q1', method: 'elicitation/create', params: { message: '?', requestedSchema: {} } },
        { relatedRequestId: request.id },
      )
      return new Promise(() => {})
    })
    world = await serve(endpoint)
    const { url } = world.served
    const session = { 'mcp-session-id': await startSession(url, 'alice', '2025-11-25', { elicitation: {} }) }
    const controller = new AbortController()
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'x-api-key': 'alice',
        ...session,
      },
      body: JSON.stringify(call('x', {}, 1)),
      signal: controller.signal,
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    await fetch(url, { method: 'DELETE', headers: { 'x-api-key': 'alice', ...session } })
    expect(
      await eventually(() => endpoint.seen.find((message) => 'id' in message && message.id === 'q1')),
    ).toMatchObject({
      error: { code: -32600 },
    })
    controller.abort()
  })
})
