import type { JsonRpcMessage } from '@portcullis/guard'
import type { ServerTransport } from '@portcullis/transport'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bounded, TooLargeError } from '../src/upstreams/bounded.ts'
import { createHttpUpstream, type HttpUpstreamOptions } from '../src/upstreams/http.ts'
import { run, temporary, write } from './support.ts'

type Answer = (message: any, response: ServerResponse, request: IncomingMessage) => void

const json = (response: ServerResponse, message: unknown, status = 200, headers = {}): void =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(message))
const result = (message: any, value: unknown = {}) => ({ jsonrpc: '2.0', id: message.id, result: value })
const handshake: Answer = (message, response) =>
  json(response, result(message, { protocolVersion: '2025-11-25', capabilities: {} }), 200, { 'mcp-session-id': 's' })
const stream = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' })

/** An upstream that answers requests by their method; notifications with 202. */
const upstream = async (answers: Record<string, Answer>) => {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      if (request.method !== 'POST') {
        const other = answers[request.method as string]
        return other === undefined ? response.writeHead(405).end() : other(undefined, response, request)
      }
      const message = JSON.parse(body)
      const answer = answers[message.method] ?? (message.method === 'initialize' ? handshake : undefined)
      if (answer !== undefined) return answer(message, response, request)
      return message.id === undefined ? response.writeHead(202).end() : json(response, result(message))
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const end = (): void => {
    server.closeAllConnections()
    server.close()
  }
  onTestFinished(end)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, end }
}

const connected = async (
  url: string,
  { headers = {}, ...options }: HttpUpstreamOptions & { headers?: Record<string, string> } = {},
) => {
  const logged: { level: string; event: string; fields: any }[] = []
  const endpoint = createHttpUpstream(
    url,
    headers,
    (level, event, fields) => logged.push({ level, event, fields }),
    options,
  )
  const waiting = new Map<unknown, (message: any) => void>()
  const received: any[] = []
  let closed = 0
  const outside: ServerTransport = {
    start: async () => {},
    close: async () => {},
    onclose: () => {
      closed++
    },
    send: async (message: any) => {
      received.push(message)
      waiting.get(message.id)?.(message)
    },
  }
  await endpoint.connect(outside as never)
  onTestFinished(() => endpoint.close())
  let id = 0
  const send = (message: Record<string, unknown>): void =>
    outside.onmessage?.({ jsonrpc: '2.0', ...message } as unknown as JsonRpcMessage)
  const ask = (method: string): Promise<any> =>
    new Promise((resolve) => {
      const own = ++id
      waiting.set(own, resolve)
      send({ id: own, method, params: method === 'initialize' ? hello : {} })
    })
  const tell = (method: string): void => send({ method })
  return { ask, tell, logged, received, endpoint, outside, closed: () => closed }
}
const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
const until = async (seen: () => boolean): Promise<void> => {
  for (let tries = 0; !seen(); tries++) {
    if (tries > 250) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('a request that an HTTP upstream refuses', () => {
  it.each([400, 401, 403, 404, 409, 413, 429, 500, 502, 503])(
    'with %d is answered by itself, without what the upstream says, and all others go on',
    async (status) => {
      let release = (): void => {}
      const { url } = await upstream({
        // Without a session a 404 is a refusal like others.
        initialize: (message, response) => json(response, result(message, { protocolVersion: '2025-11-25' })),
        slow: (message, response) => {
          release = () => json(response, result(message, { done: true }))
        },
        refused: (message, response) =>
          json(response, { jsonrpc: '2.0', id: message.id, error: { code: 1, message: 'inner words' } }, status),
      })
      const { ask, closed, logged } = await connected(`${url}?key=hunter2`)
      await ask('initialize')
      const slow = ask('slow')
      const refused = await ask('refused')
      expect(refused.error).toEqual({ code: -32603, message: `The server answered with HTTP status ${status}.` })
      release()
      expect((await slow).result).toEqual({ done: true })
      expect((await ask('next')).result).toEqual({})
      expect(closed()).toBe(0)
      expect(logged.map(({ event }) => event)).toEqual(['upstream.refused'])
      expect(logged[0]?.fields).toMatchObject({ url, status })
      expect(JSON.stringify(logged)).not.toMatch(/hunter2|inner words/)
    },
  )

  it.each<[string, Answer]>([
    ['by sending elsewhere', (_, response) => void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
    [
      'by what is not JSON',
      (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{'),
    ],
    ['by a page', (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')],
    ['by nothing', (_, response) => void response.writeHead(202).end()],
    ['by the answer to another', (_, response) => json(response, { jsonrpc: '2.0', id: 999, result: {} })],
    ['by a stream without an answer', (_, response) => void stream(response).end(': nothing\n\n')],
    [
      'by breaking off',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 }).write('{')
        setTimeout(() => response.destroy(), 20)
      },
    ],
    [
      'for want of scope',
      (_, response) =>
        void response.writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope", scope="a"' }).end(),
    ],
  ])('%s is answered too', async (_name, answer) => {
    const { url } = await upstream({ refused: answer })
    const { ask, closed } = await connected(url)
    await ask('initialize')
    expect((await ask('refused')).error).toMatchObject({ code: -32603 })
    expect((await ask('next')).result).toEqual({})
    expect(closed()).toBe(0)
  })

  it('is not one that was answered: a stream that ends after its answer says nothing more', async () => {
    const { url } = await upstream({
      streamed: (message, response) =>
        void stream(response).end(`data: ${JSON.stringify(result(message, { a: 1 }))}\n\n`),
    })
    const { ask, received } = await connected(url)
    await ask('initialize')
    expect((await ask('streamed')).result).toEqual({ a: 1 })
    await ask('next')
    expect(received).toHaveLength(3)
  })

  it('may be a notification: it is logged, nothing else', async () => {
    const { url } = await upstream({ 'notifications/x': (_, response) => json(response, {}, 403) })
    const { ask, tell, logged, received, closed } = await connected(url)
    await ask('initialize')
    tell('notifications/x')
    await until(() => logged.length > 0)
    expect(logged).toEqual([
      { level: 'debug', event: 'upstream.refused', fields: expect.objectContaining({ url, status: 403 }) },
    ])
    expect((await ask('next')).result).toEqual({})
    expect([received.length, closed()]).toEqual([2, 0])
  })

  it('is answered where there is no connection any more', async () => {
    const { url, end } = await upstream({})
    const { ask, closed } = await connected(url)
    await ask('initialize')
    end()
    void ask('lost')
    await until(() => closed() === 1)
    expect((await ask('late')).error).toEqual({ code: -32603, message: 'The server is not connected.' })
  })
})

describe('an HTTP upstream is lost', () => {
  it('when it cannot be reached, once, and is asked again after a while', async () => {
    const { url, end } = await upstream({})
    const { ask, closed, logged, endpoint, outside } = await connected(`${url}?key=hunter2`)
    await ask('initialize')
    end()
    void ask('a')
    void ask('b')
    await until(() => closed() > 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(closed()).toBe(1)
    expect(logged.map(({ event }) => event)).toEqual(['upstream.lost'])
    expect(logged[0]?.fields).toMatchObject({ url, code: expect.stringMatching(/^(ECONN|UND_ERR)/) })
    expect(JSON.stringify(logged)).not.toContain('hunter2')
    await expect(endpoint.connect(outside as never)).rejects.toThrow(/asked again in \d+ ms/)
  })

  it('when it does not know the session any more', async () => {
    const { url } = await upstream({ gone: (_, response) => json(response, {}, 404) })
    const { ask, closed, logged } = await connected(url)
    await ask('initialize')
    void ask('gone')
    await until(() => closed() === 1)
    expect(logged).toEqual([
      { level: 'warn', event: 'upstream.lost', fields: expect.objectContaining({ url, status: 404 }) },
    ])
  })

  it('when it refuses the handshake: that is answered, and the next one waits', async () => {
    const { url } = await upstream({ initialize: (_, response) => json(response, {}, 401) })
    const { ask, closed, endpoint, outside } = await connected(url)
    expect((await ask('initialize')).error.message).toBe('The server answered with HTTP status 401.')
    await until(() => closed() === 1)
    await expect(endpoint.connect(outside as never)).rejects.toThrow(/asked again/)
  })
})

/** Writes until nobody reads any more; how much that was. */
const endless = (response: ServerResponse, chunk: string) => {
  const state = { bytes: 0, ended: false }
  response.once('close', () => {
    state.ended = true
  })
  const go = (): void => {
    while (!state.ended) {
      state.bytes += chunk.length
      if (!response.write(chunk)) return void response.once('drain', go)
    }
  }
  go()
  return state
}

describe('an answer without end', () => {
  const maxMessageBytes = 1024 * 1024

  it.each<[string, string, string]>([
    ['as JSON', 'application/json', '{"jsonrpc":"2.0","id":1,"x":"'],
    ['as one event', 'text/event-stream', 'data: {"jsonrpc":"2.0","id":1,"x":"'],
    ['as one event that could be taken up again', 'text/event-stream', 'id: 1\ndata: \n\ndata: {"x":"'],
    ['as a page', 'text/html', '<p>'],
  ])('%s is broken off, and only its own request fails', async (_name, type, beginning) => {
    let sent = { bytes: 0, ended: false }
    let resumed = 0
    const { url } = await upstream({
      endless: (_, response) => {
        response.writeHead(200, { 'content-type': type }).write(beginning)
        sent = endless(response, 'a'.repeat(65_536))
      },
      GET: (_, response, request) => {
        if (request.headers['last-event-id'] !== undefined) resumed++
        response.writeHead(405).end()
      },
    })
    const { ask, closed, logged } = await connected(url, { maxMessageBytes })
    await ask('initialize')
    expect((await ask('endless')).error).toEqual({ code: -32603, message: 'The server sent more than is taken.' })
    await until(() => sent.ended)
    expect(sent.bytes).toBeLessThan(32 * maxMessageBytes)
    expect(logged[0]).toMatchObject({ event: 'upstream.answer_too_large', fields: { url, maxBytes: maxMessageBytes } })
    expect((await ask('next')).result).toEqual({})
    await new Promise((resolve) => setTimeout(resolve, 1300))
    expect([closed(), resumed]).toEqual([0, 0])
  })

  it('to a notification, or with an error, is broken off too, whatever it says it is', async () => {
    const states: { bytes: number; ended: boolean }[] = []
    const answer =
      (status: number): Answer =>
      (_, response) => {
        response.writeHead(status, { 'content-type': 'text/event-stream' })
        states.push(endless(response, `data: ${'a'.repeat(1000)}\n\n`))
      }
    const { url } = await upstream({ 'notifications/x': answer(200), refused: answer(400) })
    const { ask, tell, closed } = await connected(url, { maxMessageBytes })
    await ask('initialize')
    expect((await ask('refused')).error).toMatchObject({ code: -32603 })
    tell('notifications/x')
    await until(() => states.length === 2 && states.every(({ ended }) => ended))
    expect((await ask('next')).result).toEqual({})
    expect(closed()).toBe(0)
  })

  it('is not a stream of many events', async () => {
    const event = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/x', params: { x: 'a'.repeat(50_000) } })}\n\n`
    const { url } = await upstream({
      many: (message, response) => {
        stream(response)
        for (let index = 0; index < 60; index++) response.write(event)
        response.end(`data: ${JSON.stringify(result(message, { whole: true }))}\n\n`)
      },
    })
    const { ask, received } = await connected(url, { maxMessageBytes })
    await ask('initialize')
    expect((await ask('many')).result).toEqual({ whole: true })
    expect(received.filter(({ method }) => method === 'notifications/x')).toHaveLength(60)
  })

  it('is at most 64 MiB where nothing else is said', async () => {
    let sent = { bytes: 0, ended: false }
    const { url } = await upstream({
      endless: (_, response) => {
        stream(response).write('data: ')
        sent = endless(response, 'a'.repeat(1024 * 1024))
      },
    })
    const { ask } = await connected(url)
    await ask('initialize')
    expect((await ask('endless')).error.message).toBe('The server sent more than is taken.')
    await until(() => sent.ended)
    expect(sent.bytes).toBeGreaterThan(64 * 1024 * 1024)
    expect(sent.bytes).toBeLessThan(96 * 1024 * 1024)
  }, 20_000)
})

describe('events', () => {
  const pieces = async (chunks: readonly string[], maxBytes = 1000): Promise<string[]> => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(Buffer.from(chunk))
        controller.close()
      },
    })
    const { body: out } = bounded(new Response(body), { maxBytes, stream: true, onTooLarge: () => {} })
    const seen: string[] = []
    for await (const piece of out as unknown as AsyncIterable<Uint8Array>) seen.push(Buffer.from(piece).toString())
    return seen
  }

  it.each<[string[], string[]]>([
    [['data: a\n\ndata: b\n\n'], ['data: a\n\n', 'data: b\n\n']],
    [
      ['da', 'ta: a', '\n', '\nda', 'ta: b\n\n'],
      ['data: a\n\n', 'data: b\n\n'],
    ],
    [['data: a\r\rdata: b\r\r'], ['data: a\r\r', 'data: b\r\r']],
    [['data: a\r\n\r\n'], ['data: a\r\n\r', '\n']],
    [
      ['data: a\r\n\r', '\n', 'data: b\r', '\n', '\r\n'],
      ['data: a\r\n\r', '\n', 'data: b\r\n\r', '\n'],
    ],
    [['data: a\ndata: b\n'], ['data: a\ndata: b\n']],
  ])('%j are handed on when they are whole', async (chunks, events) => {
    expect(await pieces(chunks)).toEqual(events)
  })

  it('are counted each, from border to border', async () => {
    expect(await pieces(['data: a\n\n'.repeat(1000)], 9)).toHaveLength(1000)
    await expect(pieces(['data: a\n\ndata: bc\n\n'], 9)).rejects.toBeInstanceOf(TooLargeError)
    await expect(pieces(['data: a\n', 'data: b\n'], 9)).rejects.toBeInstanceOf(TooLargeError)
  })
})

describe('secrets of upstreams', () => {
  it('are in no log, even where they are no headers', async () => {
    const { url } = await upstream({})
    const { ask, logged } = await connected(`${url}?key=hunter2#hunter2`, { headers: { Authorization: 'hunter2\nx' } })
    expect((await ask('initialize')).error).toMatchObject({ code: -32603 })
    await until(() => logged.some(({ event }) => event === 'upstream.lost'))
    expect(JSON.stringify(logged)).not.toContain('hunter2')
    expect(logged.every(({ fields }) => fields.url === url && typeof fields.error === 'string')).toBe(true)
  })

  it.each<[string, unknown, Record<string, string>]>([
    ['a user in the URL', { upstreams: { a: { url: 'http://u:${env:SEC}@127.0.0.1:9/mcp' } } }, {}],
    [
      'a header of two lines',
      { upstreams: { a: { url: 'http://127.0.0.1:9/', headers: { Authorization: '${env:SEC}' } } } },
      { SEC: 'hunter2\nx' },
    ],
    [
      'a header that is none',
      { upstreams: { a: { url: 'http://127.0.0.1:9/', headers: { 'x y': '${env:SEC}' } } } },
      {},
    ],
    ['a user in the issuer', {}, { OAUTH2_AUTH_SERVER: 'https://u:hunter2@as.test' }],
  ])('are refused with exit code 78 for %s', (_name, configuration, env) => {
    const cwd = temporary()
    write(join(cwd, 'config', 'portcullis.yaml'), configuration)
    const { code, stderr } = run([], { cwd, env: { SEC: 'hunter2', ...env } })
    expect(code).toBe(78)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).not.toContain('hunter2')
  })
})
