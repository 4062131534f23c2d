import { createPolicy } from '@portcullis/authz'
import { type AuditEvent, createGuard } from '@portcullis/guard'
import { createValidator } from '@portcullis/validator'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { createStdioUpstream, type McpEndpoint, secureStdio } from '../src/index.ts'
import {
  call,
  createGates,
  everyKey,
  eventually,
  type Gate,
  initialize,
  keyring,
  naiveServer,
  post,
  readMessages,
  rpc,
  serve,
  startSession,
} from './support.ts'

const start = async (endpoint: McpEndpoint, credential?: string) => {
  const keys = everyKey()
  const events: AuditEvent[] = []
  const guard = createGuard({
    authenticate: { apiKeys: keyring(keys) },
    policy: createPolicy(),
    validator: createValidator(),
    audit: {
      record: async (event) => {
        events.push(event)
      },
    },
  })
  const [input, output] = [new PassThrough(), new PassThrough()]
  const seen = readMessages(output)
  const stdio = await secureStdio(endpoint, guard, {
    input,
    output,
    ...(credential === undefined ? {} : { credential }),
  })
  const say = (message: unknown): void => {
    input.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`)
  }
  const answerTo = (id: unknown) =>
    eventually(() => seen.find((message) => message.id === id && message.method === undefined))
  const ask = async (message: { id: unknown }) => {
    say(message)
    return answerTo(message.id)
  }
  return { stdio, input, say, ask, answerTo, seen, keys, events, end: () => input.end() }
}

describe.each(['v1', 'v2'] as const)('secureStdio over a %s server', (generation) => {
  let gate: Gate
  let world: Awaited<ReturnType<typeof start>>
  const begin = async (credential?: string) => {
    gate = createGates()
    world = await start(naiveServer(generation, gate) as never, credential)
    return world
  }
  afterEach(async () => {
    world.end()
    await world.stdio.ended
  })

  it('serves the client whose key the process has', async () => {
    const { ask } = await begin('limited')
    expect((await ask(initialize())).result).toMatchObject({
      protocolVersion: '2025-11-25',
      capabilities: { experimental: { authentication: { required: true, types: ['api_key'] } } },
    })
    expect((await ask(rpc('tools/list'))).result.tools.map(({ name }: { name: string }) => name)).toEqual(['hello'])
    expect((await ask(call('hello', { name: 'you' }))).result.content[0].text).toBe('Hello, you!')
    expect((await ask(call('whoami'))).error).toMatchObject({ code: 403, data: { code: 'PORTCULLIS_FORBIDDEN' } })
  })

  it.each([
    ['no key', undefined],
    ['a wrong key', 'wrong'],
  ])('answers every request with 401 for %s and stays up', async (_, credential) => {
    const { ask, say, seen } = await begin(credential)
    for (const message of [initialize(), rpc('tools/list'), call('hello'), rpc('ping'), rpc('no/such')]) {
      expect((await ask(message)).error).toMatchObject({ code: 401, data: { code: 'PORTCULLIS_UNAUTHENTICATED' } })
    }
    const before = seen.length
    say({ jsonrpc: '2.0', method: 'notifications/initialized' })
    expect((await ask(rpc('ping'))).error.code).toBe(401)
    expect(seen.length).toBe(before + 1)
  })

  it('verifies the key for every message', async () => {
    const { ask, keys } = await begin('alice')
    expect((await ask(call('hello'))).result).toBeDefined()
    delete keys['alice']
    expect((await ask(call('hello'))).error.code).toBe(401)
  })

  it('takes a key inside a message before the one of the process, and hands neither on', async () => {
    const { ask, events } = await begin('limited')
    const auth = { type: 'api_key', api_key: 'alice' }
    expect((await ask({ ...call('whoami'), auth } as never)).result.content[0].text).toBe('api_key:t::alice')
    expect((await ask(call('whoami'))).error.code).toBe(403)
    expect((await ask({ ...call('hello'), auth: { type: 'api_key', api_key: 'wrong' } } as never)).error.code).toBe(401)
    expect(JSON.stringify(events)).not.toContain('"alice"')
  })

  it('answers what is not a message and goes on', async () => {
    const { say, ask, seen } = await begin('alice')
    for (const line of [
      '{',
      '[]',
      `[${JSON.stringify(call('hello'))}]`,
      '"x"',
      '{"jsonrpc":"2.0","id":1}',
      '['.repeat(100_000),
      'x'.repeat(1_100_000),
    ])
      say(line)
    say('')
    await eventually(() => (seen.length >= 7 ? true : undefined))
    expect(seen.map(({ error }) => error.code).sort()).toEqual(
      [-32600, -32600, -32600, -32600, -32600, -32700, 413].sort(),
    )
    expect((await ask(call('hello'))).result).toBeDefined()
  })

  it('lets the server ask its client', async () => {
    const { ask, say, seen, answerTo } = await begin('alice')
    await ask(initialize('2025-11-25', { elicitation: { form: {} } }))
    const asking = call('ask', { question: 'Sure?' })
    say(asking)
    const question = await eventually(() => seen.find(({ method }) => method === 'elicitation/create'))
    say({ jsonrpc: '2.0', id: question.id, result: { action: 'accept', content: { answer: 'yes' } } })
    expect((await answerTo(asking.id)).result.content[0].text).toContain('yes')
  })

  it('cancels, reports progress and passes on logs', async () => {
    const { ask, say, seen, answerTo } = await begin('alice')
    await ask(initialize())
    say(call('wait', { gate: 'a' }, 'w'))
    await gate('a').entered
    say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'w' } })
    say(call('progress', { gate: 'p' }, 'p', { progressToken: 'mine' }))
    await gate('p').entered
    gate('p').open()
    await answerTo('p')
    await ask(call('shout', { what: 'aloud' }))
    expect(seen.find(({ method }) => method === 'notifications/progress').params.progressToken).toBe('mine')
    expect(seen.find(({ method }) => method === 'notifications/message').params.data).toBe('aloud')
    expect(seen.some(({ id }) => id === 'w')).toBe(false)
  })

  it('answers what was asked before its input ended', async () => {
    const { say, end, stdio, seen } = await begin('alice')
    say(call('wait', { gate: 'a' }, 'last'))
    await gate('a').entered
    end()
    gate('a').open()
    await stdio.ended
    expect(seen.find(({ id }) => id === 'last').result.content[0].text).toBe('done a')
  })
})

describe('secureStdio over a server that refuses the handshake once', () => {
  it('serves from the next one on', async () => {
    let refusals = 0
    const server = {
      async connect(given: never) {
        const transport = given as any
        transport.onmessage = ({ id, method }: { id?: number; method?: string }) => {
          if (id === undefined) return
          if (method === 'initialize' && refusals++ === 0) {
            return transport.send({ jsonrpc: '2.0', id, error: { code: -32000, message: 'not yet' } })
          }
          const result =
            method === 'initialize'
              ? { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} }
              : { tools: [] }
          return transport.send({ jsonrpc: '2.0', id, result })
        }
      },
    }
    const world = await start(server, 'alice')
    expect((await world.ask(initialize())).error).toMatchObject({ code: 503 })
    expect((await world.ask(rpc('tools/list'))).result).toEqual({ tools: [] })
    world.end()
    await world.stdio.ended
  })
})

describe('createStdioUpstream', () => {
  const fixture = fileURLToPath(new URL('./fixtures/upstream.mjs', import.meta.url))
  const upstream = (env: Record<string, string> = {}) =>
    createStdioUpstream({
      command: process.execPath,
      args: [fixture],
      env: { PATH: process.env['PATH'] ?? '', ...env },
    })

  it('puts a process behind the guard, for many clients at once', async () => {
    const world = await serve(upstream())
    const { url } = world.served
    const tools = (await post(url, 'limited', rpc('tools/list'))).body.result.tools
    expect(tools.map(({ name }: { name: string }) => name)).toEqual(['hello'])
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, id) =>
        post(url, id % 2 ? 'alice' : 'mallory', call('hello', { name: `${id}` }, 1)),
      ),
    )
    expect(answers.map(({ body }) => body.result.content[0].text)).toEqual(answers.map((_, id) => `Hello, ${id}!`))
    expect((await post(url, 'limited', call('crash'))).status).toBe(403)
    await world.served.close(0)
  })

  it('hands it no environment but what it is given', async () => {
    process.env['PORTCULLIS_TEST_SECRET'] = 'do not pass on'
    const world = await serve(upstream({ GIVEN: 'yes' }))
    const names = JSON.parse((await post(world.served.url, 'alice', call('environment'))).body.result.content[0].text)
    delete process.env['PORTCULLIS_TEST_SECRET']
    expect(names).toContain('GIVEN')
    expect(names).not.toContain('PORTCULLIS_TEST_SECRET')
    await world.served.close(0)
  })

  it('starts it again after it ended, and answers what it was asked meanwhile', async () => {
    const world = await serve(upstream())
    const { url } = world.served
    expect((await post(url, 'alice', call('crash'))).body.error).toMatchObject({ code: -32603 })
    let answer = await post(url, 'alice', call('hello'))
    for (let tries = 0; answer.status === 503 && tries < 50; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      answer = await post(url, 'alice', call('hello'))
    }
    expect(answer.body.result.content[0].text).toBe('Hello, World!')
    await world.served.close(0)
  })

  it('keeps no more than a bounded heap for one that has stopped reading, and it goes on when it reads again', async () => {
    const world = await serve(upstream())
    const { url } = world.served
    const pid = Number((await post(url, 'alice', call('pid'))).body.result.content[0].text)
    process.kill(pid, 'SIGSTOP')
    const big = { name: 'x'.repeat(1_000_000) }
    const calls = Array.from({ length: 40 }, () => post(url, 'alice', call('hello', big)))
    const first = await Promise.race(calls)
    expect(first.body.error).toMatchObject({ code: -32603, message: expect.stringContaining('does not read') })
    process.kill(pid, 'SIGCONT')
    const answers = await Promise.all(calls)
    expect(answers.filter(({ body }) => body.result !== undefined).length).toBeGreaterThan(10)
    expect((await post(url, 'alice', call('hello'))).body.result.content[0].text).toBe('Hello, World!')
    await world.served.close(0)
  })

  it('does not take its noise for messages', async () => {
    const world = await serve(upstream())
    expect((await post(world.served.url, 'alice', call('noise'))).body.result.content[0].text).toBe('quiet')
    await world.served.close(0)
  })

  it('is refused when it cannot be started', async () => {
    await expect(serve(createStdioUpstream({ command: '/no/such/program', env: {} }))).rejects.toMatchObject({
      code: 'ERR_TRANSPORT_UPSTREAM',
    })
  })

  it('gives what nobody can be named for to the sole client, and to nobody of many', async () => {
    const world = await serve(upstream())
    const session = { 'mcp-session-id': await startSession(world.served.url, 'alice') }
    expect((await post(world.served.url, 'alice', call('log'), session)).messages).toHaveLength(1)
    await world.served.close(0)
    const sole = await start(upstream(), 'alice')
    await sole.ask(initialize())
    await sole.ask(call('log'))
    expect(await eventually(() => sole.seen.find(({ method }) => method === 'notifications/message'))).toBeDefined()
    sole.end()
    await sole.stdio.ended
  })
})
