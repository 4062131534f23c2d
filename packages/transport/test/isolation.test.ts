import type { Principal } from '@portcullis/authz'
import { afterEach, describe, expect, it } from 'vitest'
import {
  call,
  createGates,
  eventually,
  type Gate,
  listen,
  naiveServer,
  post,
  rpc,
  serve,
  startSession,
  type World,
} from './support.ts'

/** One naive server, two clients, and everything that one of them might try on the other. */
describe.each(['v1', 'v2'] as const)('clients of one naive %s server', (generation) => {
  let world: World
  let gate: Gate
  const start = async (): Promise<string> => {
    gate = createGates()
    const server = naiveServer(generation, gate)
    const raw = server.server as any
    for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
      // The generations name handlers differently: by schema and by method.
      if (generation === 'v2') raw.setRequestHandler(method, async () => ({}))
      else {
        const types = await import('@modelcontextprotocol/sdk/types.js')
        raw.setRequestHandler(
          method === 'resources/subscribe' ? types.SubscribeRequestSchema : types.UnsubscribeRequestSchema,
          async () => ({}),
        )
      }
    }
    world = await serve(server as never)
    updated = (uri) => raw.sendResourceUpdated({ uri })
    return world.served.url
  }
  let updated: (uri: string) => Promise<void>
  afterEach(async () => world.served.close(0))

  const cancel = (requestId: string | number) => ({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId },
  })

  it('cannot cancel a call of another, even with the same id', async () => {
    const url = await start()
    const alice = await startSession(url, 'alice')
    const mallory = await startSession(url, 'mallory')
    const running = post(url, 'alice', call('wait', { gate: 'a' }, 7), { 'mcp-session-id': alice })
    await gate('a').entered
    for (const id of [7, '7', 1, 2, 3, 4, 5]) {
      expect((await post(url, 'mallory', cancel(id), { 'mcp-session-id': mallory })).status).toBe(202)
      expect((await post(url, 'mallory', cancel(id))).status).toBe(202)
    }
    gate('a').open()
    expect((await running).body.result.content[0].text).toBe('done a')
    await eventually(() =>
      world.events.find(({ type, reason }) => type === 'refused' && reason === 'foreign_id:cancelled'),
    )
  })

  it('can cancel its own call, and the call then has no answer', async () => {
    const url = await start()
    const alice = await startSession(url, 'alice')
    const running = post(url, 'alice', call('wait', { gate: 'a' }, 7), { 'mcp-session-id': alice })
    await gate('a').entered
    await post(url, 'alice', cancel(7), { 'mcp-session-id': alice })
    expect(await running).toMatchObject({ status: 202, messages: [] })
  })

  it('use the same ids at the same time and each gets its own answer', async () => {
    const url = await start()
    const [alice, mallory] = [await startSession(url, 'alice'), await startSession(url, 'mallory')]
    const first = post(url, 'alice', call('wait', { gate: 'a' }, 1), { 'mcp-session-id': alice })
    const second = post(url, 'mallory', call('whoami', {}, 1), { 'mcp-session-id': mallory })
    expect((await second).body).toMatchObject({ id: 1, result: { content: [{ text: 'api_key:t::mallory' }] } })
    await gate('a').entered
    gate('a').open()
    expect((await first).body).toMatchObject({ id: 1, result: { content: [{ text: 'done a' }] } })
  })

  it('may not use an id twice while it is under way', async () => {
    const url = await start()
    const alice = await startSession(url, 'alice')
    const first = post(url, 'alice', call('wait', { gate: 'a' }, 1), { 'mcp-session-id': alice })
    await gate('a').entered
    const second = await post(url, 'alice', call('whoami', {}, 1), { 'mcp-session-id': alice })
    expect(second.body.error).toMatchObject({ code: -32600 })
    gate('a').open()
    expect((await first).body.result.content[0].text).toBe('done a')
  })

  it('are asked what their own call asks, and nobody else can answer', async () => {
    const url = await start()
    const capabilities = { elicitation: { form: {} } }
    const alice = await startSession(url, 'alice', '2025-11-25', capabilities)
    const mallory = await startSession(url, 'mallory', '2025-11-25', capabilities)
    const bystander = await listen(url, 'mallory', mallory)
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'x-api-key': 'alice',
        'mcp-session-id': alice,
      },
      body: JSON.stringify(call('ask', { question: 'Password?' }, 1)),
    })
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    let seen = ''
    while (!/data: \{.*\}\n/.test(seen)) seen += new TextDecoder().decode((await reader.read()).value)
    const question = JSON.parse((/data: (\{.*\})\n/.exec(seen) as RegExpExecArray)[1] as string)
    expect(question).toMatchObject({ method: 'elicitation/create', params: { message: 'Password?' } })

    const answer = (content: string) => ({
      jsonrpc: '2.0',
      id: question.id,
      result: { action: 'accept', content: { answer: content } },
    })
    await post(url, 'mallory', answer('forged'), { 'mcp-session-id': mallory })
    await post(url, 'mallory', answer('forged'))
    expect((await post(url, 'mallory', answer('forged'), { 'mcp-session-id': alice })).status).toBe(404)
    await post(url, 'alice', answer('forged without the session'))
    await post(url, 'alice', answer('genuine'), { 'mcp-session-id': alice })
    const rest = new TextDecoder().decode((await reader.read()).value)
    expect(rest).toContain('genuine')
    expect(rest).not.toContain('forged')

    bystander.close()
    expect(await bystander.next()).toBeUndefined()
  })

  it('keep their capabilities when others come with fewer', async () => {
    const url = await start()
    const alice = await startSession(url, 'alice', '2025-11-25', { elicitation: { form: {} } })
    await startSession(url, 'mallory', '2025-11-25', {})
    const stream = await listen(url, 'alice', alice)
    const asking = post(url, 'alice', call('ask', { question: 'Still there?' }, 1), {
      'mcp-session-id': alice,
      accept: 'application/json',
    })
    const question = await stream.next()
    expect(question).toMatchObject({ method: 'elicitation/create' })
    await post(
      url,
      'alice',
      { jsonrpc: '2.0', id: question.id, result: { action: 'decline' } },
      { 'mcp-session-id': alice },
    )
    expect((await asking).body.result.content[0].text).toContain('decline')
    stream.close()
  })

  it('are not asked what they cannot answer', async () => {
    const url = await start()
    const alice = await startSession(url, 'alice')
    const answer = await post(url, 'alice', call('ask', { question: 'Anyone?' }, 1), { 'mcp-session-id': alice })
    expect(answer.messages).toHaveLength(1)
    expect(answer.body.result.isError).toBe(true)
  })

  it('hear of the progress of their own calls alone, under their own tokens', async () => {
    const url = await start()
    const [alice, mallory] = [await startSession(url, 'alice'), await startSession(url, 'mallory')]
    const meta = { progressToken: 'same' }
    const first = post(url, 'alice', call('progress', { gate: 'a' }, 1, meta), { 'mcp-session-id': alice })
    const second = post(url, 'mallory', call('progress', { gate: 'm' }, 1, meta), { 'mcp-session-id': mallory })
    await Promise.all([gate('a').entered, gate('m').entered])
    gate('m').open()
    gate('a').open()
    for (const [answer, name] of [
      [await first, 'a'],
      [await second, 'm'],
    ] as const) {
      expect(answer.messages).toHaveLength(2)
      expect(answer.messages[0].params).toMatchObject({ progressToken: 'same', message: name })
    }
  })

  it('cannot report progress on what was asked of another', async () => {
    const url = await start()
    const mallory = await startSession(url, 'mallory')
    const forged = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 0, progress: 1 } }
    await post(url, 'mallory', forged, { 'mcp-session-id': mallory })
    await eventually(() => world.events.find(({ reason }) => reason === 'foreign_id:progress'))
  })

  it('read in their own stream what the server says without saying to whom', async () => {
    const url = await start()
    const [alice, mallory] = [await startSession(url, 'alice'), await startSession(url, 'mallory')]
    const bystander = await listen(url, 'mallory', mallory)
    const running = post(url, 'alice', call('shout', { what: 'for alice', gate: 'a' }), { 'mcp-session-id': alice })
    await gate('a').entered
    const other = await post(url, 'mallory', call('shout', { what: 'for mallory' }), { 'mcp-session-id': mallory })
    gate('a').open()
    expect((await running).messages.slice(0, -1).map(({ params }) => params.data)).toEqual([
      'for alice',
      'for alice again',
    ])
    expect(other.messages.slice(0, -1).map(({ params }) => params.data)).toEqual(['for mallory'])
    bystander.close()
    expect(await bystander.next()).toBeUndefined()
  })

  it('set the log level for themselves', async () => {
    const url = await start()
    const [alice, mallory] = [await startSession(url, 'alice'), await startSession(url, 'mallory')]
    await post(url, 'mallory', rpc('logging/setLevel', { level: 'emergency' }), { 'mcp-session-id': mallory })
    const heard = await post(url, 'alice', call('shout', { what: 'x' }), { 'mcp-session-id': alice })
    const unheard = await post(url, 'mallory', call('shout', { what: 'x' }), { 'mcp-session-id': mallory })
    expect([heard.messages.length, unheard.messages.length]).toEqual([2, 1])
    const wrong = await post(url, 'alice', rpc('logging/setLevel', { level: 'loud' }), { 'mcp-session-id': alice })
    expect(wrong.body.error.code).toBe(-32602)
  })

  it('get updates of what they subscribed to, as long as they may read it', async () => {
    const url = await start()
    const [alice, limited] = [await startSession(url, 'alice'), await startSession(url, 'limited')]
    const streams = [await listen(url, 'alice', alice), await listen(url, 'limited', limited)] as const
    const subscribe = (key: string, session: string, uri: string) =>
      post(url, key, rpc('resources/subscribe', { uri }), { 'mcp-session-id': session })
    expect((await subscribe('alice', alice, 'memo://secret/1')).body.result).toEqual({})
    expect((await subscribe('alice', alice, 'memo://open/1')).body.result).toEqual({})
    expect((await subscribe('limited', limited, 'memo://open/1')).body.result).toEqual({})
    expect((await subscribe('limited', limited, 'memo://secret/1')).status).toBe(403)

    await updated('memo://secret/1')
    await updated('memo://open/1')
    expect((await streams[0].next()).params.uri).toBe('memo://secret/1')
    expect((await streams[0].next()).params.uri).toBe('memo://open/1')
    expect((await streams[1].next()).params.uri).toBe('memo://open/1')

    // The right is taken away while the stream stays open: what is sent meanwhile never arrives.
    expect((await subscribe('limited', limited, 'memo://open/2')).body.result).toEqual({})
    expect((await subscribe('alice', alice, 'memo://open/2')).body.result).toEqual({})
    const before = world.keys['limited'] as Principal
    world.keys['limited'] = { ...before, grants: ['hello'] }
    await updated('memo://open/2')
    expect((await streams[0].next()).params.uri).toBe('memo://open/2')
    world.keys['limited'] = { ...before, grants: ['hello', 'resource:memo://**'] }
    await updated('memo://open/1')
    expect((await streams[1].next()).params.uri).toBe('memo://open/1')
    for (const stream of streams) stream.close()
  })

  it('lose their streams within a second of losing their key', async () => {
    const url = await start()
    const alice = await startSession(url, 'alice')
    const stream = await listen(url, 'alice', alice)
    delete world.keys['alice']
    expect(await stream.next()).toBeUndefined()
    expect((await post(url, 'alice', call('hello'), { 'mcp-session-id': alice })).status).toBe(401)
  })

  it('cannot use a session of another in any way', async () => {
    const url = await start()
    const alice = await startSession(url, 'alice')
    expect((await post(url, 'mallory', call('hello'), { 'mcp-session-id': alice })).status).toBe(404)
    expect((await listen(url, 'mallory', alice)).status).toBe(404)
    const ending = await fetch(url, { method: 'DELETE', headers: { 'x-api-key': 'mallory', 'mcp-session-id': alice } })
    expect(ending.status).toBe(404)
    expect((await post(url, 'alice', call('hello'), { 'mcp-session-id': alice })).status).toBe(200)
    const end = await fetch(url, { method: 'DELETE', headers: { 'x-api-key': 'alice', 'mcp-session-id': alice } })
    expect(end.status).toBe(204)
    expect((await post(url, 'alice', call('hello'), { 'mcp-session-id': alice })).status).toBe(404)
    expect((await listen(url, 'alice', alice)).status).toBe(404)
  })
})
