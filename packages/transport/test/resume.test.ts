import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { createSession, noFacts } from '../src/hub/session.ts'
import { createReplays } from '../src/http/replay.ts'
import { call, createGates, eventually, serve, startSession, type World } from './support.ts'

interface Event {
  id?: string
  retry?: string
  data?: string
}

/** A stream as it is on the wire, with ids and without data too. */
const read = (response: Response) => {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  const queue: Event[] = []
  let rest = ''
  return async (): Promise<Event | undefined> => {
    while (queue.length === 0) {
      const chunk = await reader?.read().catch(() => undefined)
      if (chunk === undefined || chunk.done) return undefined
      rest += decoder.decode(chunk.value, { stream: true })
      const blocks = rest.split('\n\n')
      rest = blocks.pop() as string
      for (const block of blocks) {
        const fields = block.split('\n').filter((line) => !line.startsWith(':'))
        if (fields.length > 0)
          queue.push(
            Object.fromEntries(fields.map((line) => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)])),
          )
      }
    }
    return queue.shift()
  }
}

describe('a stream that can be taken up again', () => {
  const gate = createGates()
  let world: World
  let url: string
  beforeAll(async () => {
    const server = new McpServer({ name: 'streams', version: '1' }, { capabilities: { logging: {} } })
    const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })
    server.registerTool('quick', {}, async () => text('quick'))
    server.registerTool(
      'talk',
      { inputSchema: { gate: z.string(), times: z.number() } },
      async ({ gate: name, times }) => {
        for (let index = 0; index < times; index++)
          await server.server.sendLoggingMessage({ level: 'info', data: index })
        gate(name).enter()
        await gate(name).opened
        await server.server.sendLoggingMessage({ level: 'info', data: 'late' })
        return text('talked')
      },
    )
    server.registerTool('pause', { inputSchema: { gate: z.string() } }, async ({ gate: name }, extra) => {
      extra.closeSSEStream?.()
      gate(name).enter()
      await gate(name).opened
      return text(extra.closeSSEStream === undefined ? 'could not' : 'paused')
    })
    world = await serve(server as never)
    url = world.served.url
  })
  afterAll(async () => world.served.close(0))

  const begin = async (
    session: string | undefined,
    message: unknown,
    options: { key?: string; accept?: string; signal?: AbortSignal } = {},
  ) =>
    fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: options.accept ?? 'text/event-stream, application/json',
        'x-api-key': options.key ?? 'alice',
        ...(session === undefined ? {} : { 'mcp-session-id': session }),
      },
      body: JSON.stringify(message),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
  const resume = (session: string, lastEventId: string, key = 'alice') =>
    fetch(url, {
      headers: {
        accept: 'text/event-stream',
        'x-api-key': key,
        'mcp-session-id': session,
        'last-event-id': lastEventId,
      },
    })
  const dataOf = (event: Event | undefined) => JSON.parse(event?.data ?? 'null')

  it('is what a client gets that names streams first, primed with an id and a time to wait', async () => {
    const session = await startSession(url, 'alice')
    const response = await begin(session, call('quick', {}, 'q'))
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const next = read(response)
    expect(await next()).toEqual({ id: expect.stringMatching(/\.0$/), retry: '1000', data: '' })
    const answer = await next()
    expect(answer?.id).toMatch(/\.1$/)
    expect(dataOf(answer)).toMatchObject({ id: 'q', result: { content: [{ text: 'quick' }] } })
    expect(await next()).toBeUndefined()
  })

  it.each<[string, string, string | undefined]>([
    ['names JSON first', 'application/json, text/event-stream', '2025-11-25'],
    ['speaks an older revision', 'text/event-stream, application/json', '2025-06-18'],
    ['has no session', 'text/event-stream, application/json', undefined],
  ])('is not what one gets that %s', async (_name, accept, revision) => {
    const session = revision === undefined ? undefined : await startSession(url, 'alice', revision)
    const response = await begin(session, call('quick'), { accept })
    expect(response.headers.get('content-type')).toBe('application/json')
  })

  it('gives a refusal as a refusal', async () => {
    const session = await startSession(url, 'limited')
    expect((await begin(session, call('quick'), { key: 'limited' })).status).toBe(403)
  })

  it('gives the rest to who lost the connection, from where it was, and once more to who asks again', async () => {
    const session = await startSession(url, 'alice')
    const controller = new AbortController()
    const first = read(
      await begin(session, call('talk', { gate: 'lost', times: 3 }, 'l'), { signal: controller.signal }),
    )
    await first()
    const seen = await first()
    expect(dataOf(seen).params.data).toBe(0)
    await gate('lost').entered
    controller.abort()
    gate('lost').open()
    for (let round = 0; round < 2; round++) {
      const again = read(await resume(session, seen?.id as string))
      const rest = []
      for (let event = await again(); event !== undefined; event = await again()) rest.push(dataOf(event))
      expect(rest.map((message) => message.params?.data ?? message.result?.content[0].text)).toEqual([
        1,
        2,
        'late',
        'talked',
      ])
    }
  })

  it('goes on where it is, for who comes back before the end', async () => {
    const session = await startSession(url, 'alice')
    const controller = new AbortController()
    const first = read(
      await begin(session, call('talk', { gate: 'live', times: 1 }, 'v'), { signal: controller.signal }),
    )
    const primed = await first()
    await gate('live').entered
    controller.abort()
    const again = read(await resume(session, primed?.id as string))
    expect(dataOf(await again()).params.data).toBe(0)
    gate('live').open()
    expect(dataOf(await again()).params.data).toBe('late')
    expect(dataOf(await again()).id).toBe('v')
    expect(await again()).toBeUndefined()
  })

  it('may be broken off by the server, which its client takes for what it is', async () => {
    const session = await startSession(url, 'alice')
    const first = read(await begin(session, call('pause', { gate: 'paused' }, 'p')))
    const primed = await first()
    expect(primed?.retry).toBe('1000')
    expect(await first()).toBeUndefined()
    await gate('paused').entered
    gate('paused').open()
    const again = read(await resume(session, primed?.id as string))
    expect(dataOf(await again()).result.content[0].text).toBe('paused')
  })

  it('is found by the official client by itself', async () => {
    const client = new Client({ name: 'c', version: '1' })
    await client.connect(
      new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { 'x-api-key': 'alice' } } }),
    )
    const called = client.callTool({ name: 'pause', arguments: { gate: 'official' } })
    await gate('official').entered
    gate('official').open()
    expect((await called).content).toEqual([{ type: 'text', text: 'paused' }])
    await client.close()
  })

  it('belongs to its session and its principal, and ends with the session', async () => {
    const session = await startSession(url, 'alice')
    const next = read(await begin(session, call('quick')))
    const { id } = (await next()) as Event
    const [other, foreign] = [await startSession(url, 'alice'), await startSession(url, 'mallory')]
    expect((await resume(other, id as string)).status).toBe(400)
    expect((await resume(foreign, id as string, 'mallory')).status).toBe(400)
    expect((await resume(session, id as string, 'mallory')).status).toBe(404)
    for (const invented of [
      'nonsense',
      `${'A'.repeat(16)}.0`,
      `${id}999999999999`,
      '',
      `${(id as string).slice(0, -1)}-1`,
    ]) {
      if (invented !== '') expect((await resume(session, invented)).status).toBe(400)
    }
    const headers = { 'x-api-key': 'alice', 'mcp-session-id': session }
    await fetch(url, { method: 'DELETE', headers })
    expect((await resume(session, id as string)).status).toBe(404)
  })

  it('ends within a second of its credential', async () => {
    world.keys['leaver'] = { ...(world.keys['alice'] as object), id: 'api_key:t::leaver' } as never
    const session = await startSession(url, 'leaver')
    const controller = new AbortController()
    const first = read(
      await begin(session, call('talk', { gate: 'leaver', times: 1 }), { key: 'leaver', signal: controller.signal }),
    )
    const { id } = (await first()) as Event
    await gate('leaver').entered
    controller.abort()
    const again = read(await resume(session, id as string, 'leaver'))
    expect(dataOf(await again()).params.data).toBe(0)
    delete world.keys['leaver']
    expect(await again()).toBeUndefined()
    expect((await resume(session, id as string, 'leaver')).status).toBe(401)
    gate('leaver').open()
  })
})

describe('what is kept of streams', () => {
  const session = () => createSession('p', noFacts('2025-11-25'), 'id')
  const connection = () => {
    const written: string[] = []
    const listeners: (() => void)[] = []
    const response = {
      writableEnded: false,
      destroyed: false,
      writableLength: 0,
      written,
      write: (text: string) => written.push(text),
      end: () => {
        response.writableEnded = true
        for (const listener of listeners) listener()
      },
      once: (_: string, listener: () => void) => listeners.push(listener),
    }
    return response
  }
  const idOf = (response: { written: string[] }): string =>
    (/^id: (\S+)\./.exec(response.written[0] as string) as RegExpExecArray)[1] as string

  it('is bounded: the oldest events go first, and who lacks them is told', () => {
    const replays = createReplays()
    const own = session()
    const replay = replays.open(own, () => {})
    const response = connection()
    replay.attach(response as never, 0)
    const id = idOf(response)
    for (let index = 0; index < 1500; index++) replay.send(JSON.stringify({ index }))
    expect(replays.find(own, `${id}.499`)).toBeUndefined()
    expect(replays.find(own, `${id}.500`)).toBeDefined()
    const large = replays.open(own, () => {})
    const other = connection()
    large.attach(other as never, 0)
    for (let index = 0; index < 6; index++) large.send(JSON.stringify('x'.repeat(1024 * 1024)))
    expect(replays.find(own, `${idOf(other)}.1`)).toBeUndefined()
    expect(replays.find(own, `${idOf(other)}.5`)).toBeDefined()
  })

  it('is bounded for a session: its oldest stream goes first', () => {
    const replays = createReplays()
    const own = session()
    const ids = Array.from({ length: 70 }, () => {
      const response = connection()
      replays.open(own, () => {}).attach(response as never, 0)
      return idOf(response)
    })
    expect(ids.map((id) => replays.find(own, `${id}.0`) !== undefined).indexOf(true)).toBe(6)
  })

  it('gives up what had to make room while nobody listened', () => {
    const replays = createReplays()
    const own = session()
    const abandoned: string[] = []
    const [away, here] = [connection(), connection()]
    replays.open(own, () => abandoned.push('away')).attach(away as never, 0)
    replays.open(own, () => abandoned.push('here')).attach(here as never, 0)
    away.end()
    for (let index = 0; index < 66; index++) replays.open(own, () => {}).attach(connection() as never, 0)
    expect(abandoned).toEqual(['away'])
  })

  it('is forgotten a minute after its end, and after five that nobody came back', () => {
    vi.useFakeTimers()
    const replays = createReplays()
    const own = session()
    let abandoned = 0
    const [done, waiting] = [replays.open(own, () => {}), replays.open(own, () => abandoned++)]
    const [one, two] = [connection(), connection()]
    done.attach(one as never, 0)
    waiting.attach(two as never, 0)
    done.finish('{"id":1}')
    two.end()
    vi.advanceTimersByTime(59_000)
    expect(replays.find(own, `${idOf(one)}.0`)).toBeDefined()
    vi.advanceTimersByTime(2000)
    expect(replays.find(own, `${idOf(one)}.0`)).toBeUndefined()
    vi.advanceTimersByTime(238_000)
    expect([abandoned, replays.find(own, `${idOf(two)}.0`) !== undefined]).toEqual([0, true])
    vi.advanceTimersByTime(2000)
    expect([abandoned, replays.find(own, `${idOf(two)}.0`)]).toEqual([1, undefined])
    vi.useRealTimers()
  })

  it('lets a newer connection take the place of an older one', async () => {
    const replays = createReplays()
    const own = session()
    const replay = replays.open(own, () => {})
    const [old, recent] = [connection(), connection()]
    replay.attach(old as never, 0)
    replay.attach(recent as never, 0)
    await eventually(() => old.writableEnded)
    replay.send('{"here":1}')
    expect(recent.written.join('')).toContain('"here":1')
    expect(old.written.join('')).not.toContain('"here":1')
  })
})
