import { createPolicy } from '@portcullis/authz'
import { createRateLimiter } from '@portcullis/ratelimit'
import { createValidator } from '@portcullis/validator'
import fc from 'fast-check'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { readBody } from '../src/http/body.ts'
import { writeEvent } from '../src/http/events.ts'
import { createInFlight } from '../src/hub/in-flight.ts'
import { createTaskOwners } from '../src/hub/tasks.ts'
import type { McpEndpoint } from '../src/index.ts'
import {
  call,
  createGates,
  eventually,
  initialize,
  listen,
  naiveServer,
  post,
  principal,
  raw,
  rpc,
  serve,
  startSession,
  type World,
} from './support.ts'

const naive = () => naiveServer('v1', createGates()) as never
const window = (name: string, limit: number) => ({ name, algorithm: 'window' as const, limit, windowMs: 60_000 })

describe('what a hostile peer does with its connection', () => {
  let world: World
  afterEach(async () => world.served.close(0))

  it('resets it: it is neither unblocked nor nameless by that', async () => {
    world = await serve(naive(), {
      authenticate: { anonymous: ['hello'] },
      addresses: { has: (address) => address === '127.0.0.1' },
    })
    const body = JSON.stringify(call('hello'))
    const request = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    await Promise.all(
      Array.from(
        { length: 100 },
        () =>
          new Promise<void>((resolve) => {
            const socket = connect(world.served.port, '127.0.0.1', () =>
              socket.write(request, () => socket.resetAndDestroy()),
            )
            socket.on('error', () => {}).on('close', () => resolve())
          }),
      ),
    )
    expect((await post(world.served.url, undefined, call('hello'))).status).toBe(403)
    expect(world.events.filter(({ type }) => type === 'decision')).toEqual([])
  })

  it('hides headers behind a thousand others', async () => {
    world = await serve(naive(), { authenticate: { dangerouslyAllowEveryone: true } }, { refuseProxied: true })
    const body = JSON.stringify(call('hello'))
    const request = (lines: string[]) =>
      raw(
        world.served.port,
        [
          'POST /mcp HTTP/1.1',
          'Host: localhost',
          'Content-Type: application/json',
          `Content-Length: ${body.length}`,
          ...lines,
          '',
          body,
        ].join('\r\n'),
      )
    const filler = Array.from({ length: 1200 }, () => 'a:')
    expect(await request(filler)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await request([...filler, 'Via: 1.1 proxy'])).toMatch(/^HTTP\/1\.1 403 /)
    expect(await request([...filler, 'X-Forwarded-For: 203.0.113.9'])).toMatch(/^HTTP\/1\.1 403 /)
    expect(await request(['X-API-Key: a', ...filler, 'X-API-Key: b'])).toMatch(/^HTTP\/1\.1 400 /)
    expect(await request(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'])).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('holds as many as it can: others still get through', async () => {
    world = await serve(naive(), {}, { maxConnectionsPerPeer: 5, maxConnections: 8 })
    const open = () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(world.served.port, '127.0.0.1')
        socket.on('error', () => {}).on('close', () => resolve(false))
        socket.on('data', () => resolve(true))
        socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      })
    const results = await Promise.all(Array.from({ length: 20 }, open))
    expect(results.filter(Boolean)).toHaveLength(5)
  })

  it('goes on sending what was refused: after some megabytes nobody listens any more', async () => {
    world = await serve(naive())
    const socket = connect(world.served.port, '127.0.0.1')
    let answer = ''
    socket.on('error', () => {}).on('data', (chunk) => (answer += chunk.toString()))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write(
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    const piece = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000, 'x'), Buffer.from('\r\n')])
    let sent = 0
    const more = (): void => {
      while (!socket.destroyed && sent < 64) {
        sent++
        if (!socket.write(piece)) return void socket.once('drain', more)
      }
    }
    more()
    await closed
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(sent).toBeLessThan(64)
  })

  it('is on the block list: it does not even learn where the endpoint is', async () => {
    world = await serve(naive(), { addresses: { has: () => true } }, { inBand: true })
    const { url } = world.served
    for (const answer of [await fetch(new URL('/', url)), await fetch(url, { method: 'POST', body: '{' })])
      expect(answer.status).toBe(403)
  })

  it('names sessions without having a name', async () => {
    world = await serve(naive(), { authenticate: { anonymous: ['*'] } })
    const started = await post(world.served.url, undefined, initialize())
    expect([started.status, started.headers.get('mcp-session-id')]).toEqual([200, null])
    expect((await post(world.served.url, undefined, call('hello'), { 'mcp-session-id': 'A'.repeat(80) })).status).toBe(
      404,
    )
  })

  it('has a credential in each message of a batch', async () => {
    world = await serve(naive(), {}, { inBand: true })
    const auth = { type: 'api_key', api_key: 'alice' }
    const answer = await post(world.served.url, undefined, [{ ...call('hello'), auth }])
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"'])
  })
})

describe('readBody', () => {
  it('puts together what comes in pieces, however it was cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', maxLength: 3000 }),
        fc.integer({ min: 1, max: 500 }),
        fc.boolean(),
        async (text, size, declared) => {
          const bytes = Buffer.from(text)
          const request = new PassThrough() as PassThrough & { headers: Record<string, string> }
          request.headers = declared ? { 'content-length': String(bytes.length) } : {}
          const body = readBody(request as unknown as IncomingMessage, 1_000_000)
          for (let at = 0; at < bytes.length; at += size) request.write(bytes.subarray(at, at + size))
          request.end()
          expect(await body).toEqual({ ok: true, text: bytes.toString() })
        },
      ),
      { numRuns: 100 },
    )
  })

  it('keeps copies of small pieces, not the blocks that they were read in', async () => {
    const request = new PassThrough() as PassThrough & { headers: Record<string, string> }
    request.headers = {}
    const body = readBody(request as unknown as IncomingMessage, 100_000)
    for (let piece = 0; piece < 200; piece++) {
      const block = Buffer.alloc(65_536, 'x')
      request.write(block.subarray(0, 1))
      await new Promise((resolve) => setImmediate(resolve))
      // Whoever still looks at the block would read this.
      block.fill('y')
    }
    request.end()
    expect(await body).toEqual({ ok: true, text: 'x'.repeat(200) })
  })
})

describe('writeEvent', () => {
  const stream = (writableLength: number) => {
    const response = {
      writableEnded: false,
      destroyed: false,
      writableLength,
      written: '',
      write: (text: string) => (response.written += text),
      destroy: () => (response.destroyed = true),
    }
    return response
  }

  it('cuts off who does not read, instead of remembering for them', () => {
    const [reading, sleeping] = [stream(100), stream(5 * 1024 * 1024)]
    expect([writeEvent(reading as never, '{"a":1}'), writeEvent(sleeping as never, '{"a":1}')]).toEqual([true, false])
    expect([reading.destroyed, sleeping.destroyed, sleeping.written]).toEqual([false, true, ''])
    expect(writeEvent(sleeping as never, '{"a":1}')).toBe(false)
  })

  it('writes one event with one line of data, whatever the message holds', () => {
    const response = stream(0)
    writeEvent(response as never, JSON.stringify({ text: 'a\n\nevent: forged\r\ndata: {}' }))
    expect(response.written.split('\n').filter((line) => line !== '')).toHaveLength(2)
  })
})

describe('what counts', () => {
  let world: World
  afterEach(async () => world.served.close(0))

  it('requests that a rule refuses, and what is no request, count against the caller too', async () => {
    const policy = createPolicy({ rules: [{ match: 'tool:hello', limit: { requests: 1, windowMs: 60_000 } }] })
    const limiter = createRateLimiter({
      limits: [window('api_key', 5), ...policy.limits.map((limit) => ({ ...limit, algorithm: 'window' as const }))],
    })
    world = await serve(naive(), { policy, limiter, validator: createValidator() })
    const { url } = world.served
    const left = async () => (await post(url, 'alice', call('whoami'))).headers.get('ratelimit')
    expect((await post(url, 'alice', call('hello'))).status).toBe(200)
    expect((await post(url, 'alice', call('hello'))).status).toBe(429)
    expect((await post(url, 'alice', call('hello'))).status).toBe(429)
    expect((await post(url, 'alice', '{"a":1,"a":2}')).status).toBe(400)
    expect(await left()).toContain('r=0')
    expect((await post(url, 'alice', 'no json')).status).toBe(429)
  })

  it('long names are not written out', async () => {
    world = await serve(naive())
    await post(world.served.url, 'nobody', call('x'.repeat(500_000)))
    const decision = world.events.find(({ type }) => type === 'decision')
    expect(JSON.stringify(decision).length).toBeLessThan(1000)
    expect(decision?.['name']).toContain('(500000 characters)')
  })

  it('bounds what is under way for one principal and for all', () => {
    const inFlight = createInFlight(5, 2)
    const entered = ['a', 'a', 'a', 'b', 'b', 'c', 'd'].map((id) => inFlight.enter(id))
    expect(entered).toEqual([true, true, false, true, true, true, false])
    inFlight.leave('a')
    expect([inFlight.enter('d'), inFlight.enter('a')]).toEqual([true, false])
  })

  it('answers 503 beyond that', async () => {
    const gate = createGates()
    world = await serve(naiveServer('v1', gate) as never, {}, { maxConnectionsPerPeer: 2000 })
    const { url } = world.served
    const waiting = Array.from({ length: 512 }, (_, id) => post(url, 'alice', call('wait', { gate: 'a' }, id)))
    await gate('a').entered
    const refused = await eventually(async () => {
      const answer = await post(url, 'alice', rpc('ping'))
      return answer.status === 503 ? answer : undefined
    })
    expect(refused.body.error.data.code).toBe('PORTCULLIS_OVERLOADED')
    expect((await post(url, 'mallory', rpc('ping'))).status).toBe(200)
    gate('a').open()
    expect((await Promise.all(waiting)).filter(({ status }) => status === 200)).toHaveLength(512)
  })
})

describe('a server that misbehaves', () => {
  let world: World
  afterEach(async () => world?.served.close(0))

  /** Speaks by hand; `answer` may send anything before its result. */
  const speaking = (
    answer: (request: any, send: (message: unknown) => void) => unknown,
  ): McpEndpoint & { seen: any[] } => {
    const endpoint = {
      seen: [] as any[],
      async connect(given: never) {
        const transport = given as any
        transport.onmessage = async (message: any) => {
          endpoint.seen.push(message)
          if (message.id === undefined || message.method === undefined) return
          const result =
            message.method === 'initialize'
              ? { protocolVersion: '2025-11-25', capabilities: { resources: { subscribe: true } }, serverInfo: {} }
              : await answer(message, (sent) => void transport.send(sent, { relatedRequestId: message.id }))
          if (result instanceof Error)
            await transport.send({ jsonrpc: '2.0', id: message.id, error: { code: 1, message: result.message } })
          else await transport.send({ jsonrpc: '2.0', id: message.id, result })
        }
      },
    }
    return endpoint
  }

  const abyss = (): unknown => {
    let value: unknown = 1
    for (let depth = 0; depth < 20_000; depth++) value = [value]
    return value
  }

  it('sends what cannot be written: that message is lost and nothing else', async () => {
    world = await serve(
      speaking((_, send) => {
        send({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: abyss() } })
        return { content: [] }
      }),
      { validator: createValidator() },
    )
    expect((await post(world.served.url, 'alice', call('x'))).status).toBe(200)
    expect((await post(world.served.url, 'alice', call('x'))).status).toBe(200)
  })

  it('answers too deep or too much: the answer is withheld', async () => {
    world = await serve(
      speaking(({ params }) => (params.name === 'deep' ? { content: abyss() } : { content: 'x'.repeat(20_000_000) })),
      {
        validator: createValidator(),
      },
    )
    for (const name of ['deep', 'large']) {
      expect((await post(world.served.url, 'alice', call(name))).body.result, name).toMatchObject({ isError: true })
    }
  })

  it('asks without end: beyond a hundred questions it is told to wait', async () => {
    const endpoint = speaking((_, send) => {
      for (let id = 0; id < 150; id++)
        send({ jsonrpc: '2.0', id: `q${id}`, method: 'elicitation/create', params: { message: '?' } })
      return { content: [] }
    })
    world = await serve(endpoint)
    const session = {
      'mcp-session-id': await startSession(world.served.url, 'alice', '2025-11-25', { elicitation: {} }),
    }
    const answer = await post(world.served.url, 'alice', call('x'), session)
    expect(answer.messages.filter(({ method }) => method === 'elicitation/create')).toHaveLength(100)
    expect(endpoint.seen.filter(({ error }) => error !== undefined)).toHaveLength(50)
  })

  it('refuses a subscription: no update of it is delivered', async () => {
    let updated = () => {}
    const endpoint = speaking(({ method }, send) => {
      updated = () =>
        send({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'memo://open/1' } })
      return method === 'resources/subscribe' ? new Error('no') : {}
    })
    world = await serve(endpoint)
    const { url } = world.served
    const session = await startSession(url, 'alice')
    const stream = await listen(url, 'alice', session)
    expect(
      (await post(url, 'alice', rpc('resources/subscribe', { uri: 'memo://open/1' }), { 'mcp-session-id': session }))
        .body.error.code,
    ).toBe(1)
    updated()
    const gone = await fetch(url, { method: 'DELETE', headers: { 'x-api-key': 'alice', 'mcp-session-id': session } })
    expect([gone.status, await stream.next()]).toEqual([204, undefined])
  })

  it('takes no subscription that has no session', async () => {
    const endpoint = speaking(() => ({}))
    world = await serve(endpoint)
    expect(
      (await post(world.served.url, 'alice', rpc('resources/subscribe', { uri: 'memo://open/1' }))).body.error.code,
    ).toBe(-32600)
    expect(endpoint.seen.some(({ method }) => method === 'resources/subscribe')).toBe(false)
  })

  it('never answers the handshake: starting fails in time', async () => {
    const silent = { connect: async () => {} }
    await expect(serve(silent, {}, { handshakeTimeoutMs: 50 })).rejects.toMatchObject({
      code: 'ERR_TRANSPORT_HANDSHAKE',
    })
  })

  it('is told of a task by who does not own it: it never hears of that', async () => {
    const endpoint = speaking(({ params }) =>
      params.name === 'long' ? { task: { taskId: 't1', status: 'working' } } : { content: [] },
    )
    world = await serve(endpoint)
    const { url } = world.served
    await post(url, 'alice', call('long'))
    const related = (taskId: unknown) => ({ 'io.modelcontextprotocol/related-task': { taskId } })
    const before = endpoint.seen.length
    for (const taskId of ['t1', 'invented', 7, undefined]) {
      expect((await post(url, 'mallory', call('x', {}, 1, related(taskId)))).body.error.code).toBe(-32602)
    }
    expect(endpoint.seen.length).toBe(before)
    expect((await post(url, 'alice', call('x', {}, 1, related('t1')))).body.result).toEqual({ content: [] })
  })
})

describe('createTaskOwners', () => {
  it('gives a task to the first, and lets nobody push out the tasks of others', () => {
    const tasks = createTaskOwners(2)
    tasks.own('a', 'alice')
    tasks.own('a', 'mallory')
    for (let id = 0; id < 10; id++) tasks.own(`m${id}`, 'mallory')
    expect([tasks.isOwner('a', 'alice'), tasks.isOwner('a', 'mallory')]).toEqual([true, false])
    expect([tasks.isOwner('m9', 'mallory'), tasks.isOwner('m0', 'mallory')]).toEqual([true, false])
  })
})

describe('a key that becomes somebody else', () => {
  it('does not keep the streams of who it was', async () => {
    const world = await serve(naive())
    const { url } = world.served
    const stream = await listen(url, 'alice', await startSession(url, 'alice'))
    world.keys['alice'] = principal('api_key:t::another', ['*'])
    expect(await stream.next()).toBeUndefined()
    await world.served.close(0)
  })
})

describe('a request that is cancelled while it is decided on', () => {
  it('never reaches the server when its sender is gone either', async () => {
    let decide = () => {}
    const slow = new Promise<void>((resolve) => {
      decide = resolve
    })
    let asked = false
    const gate = createGates()
    const world = await serve(naiveServer('v1', gate) as never, {
      validator: { checkText: () => [], checkCall: async () => ((asked = true), await slow, []) },
    })
    const controller = new AbortController()
    const sent = fetch(world.served.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'alice' },
      body: JSON.stringify(call('wait', { gate: 'entered' })),
      signal: controller.signal,
    }).catch(() => 'gone')
    await eventually(() => (asked ? true : undefined))
    controller.abort()
    expect(await sent).toBe('gone')
    await new Promise((resolve) => setTimeout(resolve, 50))
    decide()
    await eventually(() => world.events.find(({ cancelled }) => cancelled === true))
    await world.served.close(0)
  })

  it('never reaches the server', async () => {
    let decide = () => {}
    const slow = new Promise<void>((resolve) => {
      decide = resolve
    })
    const gate = createGates()
    const world = await serve(naiveServer('v1', gate) as never, {
      validator: { checkText: () => [], checkCall: async () => (await slow, []) },
    })
    const { url } = world.served
    const session = { 'mcp-session-id': await startSession(url, 'alice') }
    const asked = post(url, 'alice', call('wait', { gate: 'never' }, 5), session)
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } }
    await new Promise((resolve) => setTimeout(resolve, 50))
    await post(url, 'alice', cancel, session)
    decide()
    expect((await asked).status).toBe(202)
    await world.served.close(0)
  })
})
