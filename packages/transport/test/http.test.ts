import { createRateLimiter } from '@portcullis/ratelimit'
import { createValidator } from '@portcullis/validator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  call,
  chunked,
  createGates,
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

const bearer = (text: string): Record<string, string> => ({ authorization: `Bearer ${text}` })

describe('the HTTP front', () => {
  let world: World
  let url: string
  beforeAll(async () => {
    world = await serve(
      naiveServer('v1', createGates()) as never,
      { validator: createValidator() },
      { allowedHosts: ['mcp.example.com'], allowedOrigins: ['https://app.example.com'] },
    )
    url = world.served.url
  })
  afterAll(async () => world.served.close(0))

  describe('credentials', () => {
    it('takes a key in either header', async () => {
      expect((await post(url, 'alice', call('hello'))).status).toBe(200)
      expect((await post(url, undefined, call('hello'), bearer('alice'))).status).toBe(200)
      expect((await post(url, undefined, call('hello'), { authorization: 'bearer alice' })).status).toBe(200)
    })

    it('answers 401 with a bare challenge when there is none', async () => {
      const answer = await post(url, undefined, call('hello'))
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
      expect(answer.body).toMatchObject({
        jsonrpc: '2.0',
        id: null,
        error: { code: 401, data: { code: 'PORTCULLIS_UNAUTHENTICATED' } },
      })
    })

    it.each<[string, Record<string, string>]>([
      ['unknown', bearer('nobody-knows')],
      ['two at once', { ...bearer('alice'), 'x-api-key': 'alice' }],
      ['another scheme', { authorization: 'Basic YWxpY2U6eA==' }],
      ['no scheme', { authorization: 'alice' }],
      ['words behind it', bearer('alice and more')],
      ['nothing behind the scheme', { authorization: 'Bearer' }],
      ['spaces in the key header', { 'x-api-key': 'ali ce' }],
      ['an empty key header', { 'x-api-key': '' }],
      ['a very long one', { 'x-api-key': 'a'.repeat(15_000) }],
    ])('answers 401 invalid_token for %s, with one text for all', async (_, headers) => {
      const answer = await post(url, undefined, call('hello'), headers)
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
      expect(answer.body.error.message).toBe('The credential was not accepted.')
    })

    it('does not look for a credential in the query', async () => {
      expect((await post(`${url}?access_token=alice&api_key=alice`, undefined, call('hello'))).status).toBe(401)
    })

    it('refuses a key that is there twice, whatever node makes of it', async () => {
      const body = JSON.stringify(call('hello'))
      const lines = [
        'POST /mcp HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
      ]
      for (const twice of [
        ['X-API-Key: nobody', 'X-API-Key: alice'],
        ['Authorization: Bearer alice', 'Authorization: Bearer alice'],
      ]) {
        expect(await raw(world.served.port, [...lines, ...twice, '', body].join('\r\n'))).toMatch(/^HTTP\/1\.1 400 /)
      }
    })

    it('never lets an in-band credential through, nor uses one unless it is told to', async () => {
      const auth = { type: 'api_key', api_key: 'alice' }
      const message = { ...call('hello'), auth }
      expect((await post(url, undefined, message)).status).toBe(401)
      expect((await post(url, 'limited', message)).status).toBe(200)
    })
  })

  describe('where requests come from', () => {
    it.each(['localhost', '127.0.0.1', '[::1]', 'localhost:99', 'LOCALHOST', 'mcp.example.com', 'mcp.example.com:443'])(
      'answers to Host %s',
      async (host) => {
        const { status } = await chunked(url, { host, 'x-api-key': 'alice', 'content-type': 'application/json' }, [
          Buffer.from(JSON.stringify(call('hello'))),
        ])
        expect(status).toBe(200)
      },
    )

    it.each([
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'evil.example:3000',
      '127.1',
      'mcp.example.com.',
      'user@localhost',
      'localhost:3000:1',
    ])('answers 403 to Host %s', async (host) => {
      const { status, body } = await chunked(url, { host, 'x-api-key': 'alice', 'content-type': 'application/json' }, [
        Buffer.from('{}'),
      ])
      if (host === 'mcp.example.com.') expect(status).toBe(400)
      else expect([status, JSON.parse(body).error.data.code]).toEqual([403, 'PORTCULLIS_HOST_FORBIDDEN'])
    })

    it.each(['http://localhost:6274', 'http://127.0.0.1', 'https://app.example.com'])(
      'lets pages of %s call',
      async (origin) => {
        const answer = await post(url, 'alice', call('hello'), { origin })
        expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, origin])
      },
    )

    it.each([
      'https://evil.example',
      'null',
      'http://localhost.evil.example',
      'http://app.example.com',
      'file://',
      'http://localhost:1/path',
    ])('refuses pages of %s', async (origin) => {
      expect((await post(url, 'alice', call('hello'), { origin })).status).toBe(403)
    })

    it('answers preflights of allowed pages without a credential', async () => {
      const answer = await fetch(url, {
        method: 'OPTIONS',
        headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' },
      })
      expect([answer.status, answer.headers.get('access-control-allow-headers')]).toEqual([
        204,
        expect.stringContaining('x-api-key'),
      ])
      expect((await fetch(url, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } })).status).toBe(403)
    })

    it('refuses absolute request targets and requests without a Host', async () => {
      expect(
        await raw(
          world.served.port,
          'POST http://evil.example/mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n',
        ),
      ).toMatch(/^HTTP\/1\.1 400 /)
      expect(await raw(world.served.port, 'POST /mcp HTTP/1.0\r\nContent-Length: 0\r\n\r\n')).toMatch(
        /^HTTP\/1\.1 403 /,
      )
    })
  })

  describe('what is not a message', () => {
    it('says where the endpoint is, and 404 elsewhere', async () => {
      const root = new URL('/', url)
      expect(await (await fetch(root)).text()).toContain('/mcp')
      for (const path of [
        '/nothing',
        '/mcp/',
        '/.well-known/oauth-protected-resource',
        '/.well-known/oauth-protected-resource/mcp',
      ]) {
        expect((await fetch(new URL(path, url), { headers: { 'x-api-key': 'alice' } })).status, path).toBe(404)
      }
    })

    it('answers 405 to other methods and to streams without a session', async () => {
      for (const method of ['PUT', 'PATCH'])
        expect((await fetch(url, { method, headers: { 'x-api-key': 'alice' } })).status).toBe(405)
      for (const method of ['GET', 'DELETE']) {
        const answer = await fetch(url, { method, headers: { 'x-api-key': 'alice', accept: 'text/event-stream' } })
        expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, GET, DELETE, OPTIONS'])
      }
      expect((await fetch(url)).status).toBe(401)
    })

    it.each<[string, Record<string, string>]>([
      ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
      ['text', { 'content-type': 'text/plain' }],
      ['JSON lines', { 'content-type': 'application/jsonl' }],
      ['a compressed body', { 'content-encoding': 'gzip' }],
    ])('answers 415 to %s', async (_, headers) => {
      expect((await post(url, 'alice', call('hello'), headers)).status).toBe(415)
    })

    it('asks who is calling before it looks at the type', async () => {
      expect((await post(url, undefined, '{}', { 'content-type': 'text/plain' })).status).toBe(401)
    })

    it('answers 406 to who takes neither JSON nor a stream', async () => {
      expect((await post(url, 'alice', call('hello'), { accept: 'text/html' })).status).toBe(406)
    })

    it.each(['*/*', 'application/json', 'application/*'])('answers JSON to Accept %s', async (accept) => {
      const answer = await post(url, 'alice', call('shout', { what: 'x' }), { accept })
      expect([answer.headers.get('content-type'), answer.messages.length]).toEqual(['application/json', 1])
    })

    it('answers a stream to who takes nothing else', async () => {
      const answer = await post(url, 'alice', call('hello'), { accept: 'text/event-stream' })
      expect([answer.headers.get('content-type'), answer.body.result.content[0].text]).toEqual([
        'text/event-stream',
        'Hello, World!',
      ])
    })
  })

  describe('size and shape', () => {
    const padded = (bytes: number): string => JSON.stringify(call('hello', { name: 'x'.repeat(bytes) }))
    const json = { 'x-api-key': 'alice', 'content-type': 'application/json' }

    it('takes 1,048,576 bytes and not one more', async () => {
      const exact = padded(0).length
      expect((await post(url, 'alice', padded(1_048_576 - exact))).status).toBe(200)
      const over = await post(url, 'alice', padded(1_048_577 - exact))
      expect([over.status, over.body.error.data.code, over.body.id]).toEqual([413, 'PORTCULLIS_TOO_LARGE', null])
    })

    it('counts bytes that were not declared', async () => {
      function* endless(): Iterable<Buffer> {
        yield Buffer.from('{"jsonrpc":"2.0","id":1,"method":"')
        for (let megabyte = 0; megabyte < 3; megabyte++) yield Buffer.alloc(1024 * 1024, 'x')
      }
      expect((await chunked(url, json, endless())).status).toBe(413)
    })

    it('reads nothing of a body whose sender is not known', async () => {
      const answer = await chunked(url, { 'content-type': 'application/json' }, [Buffer.alloc(3 * 1024 * 1024, '[')])
      expect(answer.status).toBe(401)
    })

    it.each([
      ['nothing', ''],
      ['no JSON', '{'],
      ['a byte order mark', '\ufeff{}'],
      ['two values', '{} {}'],
    ])('answers -32700 to %s', async (_, body) => {
      const answer = await post(url, 'alice', body)
      expect([answer.status, answer.body.error.code, answer.body.id]).toEqual([400, -32700, null])
    })

    it('answers -32700 to bytes that are not UTF-8', async () => {
      const { status, body } = await chunked(url, json, [
        Buffer.from('{"jsonrpc":"2.0","id":1,"method":"\xff"}', 'latin1'),
      ])
      expect([status, JSON.parse(body).error.code]).toEqual([400, -32700])
    })

    it.each([
      ['a number', 1],
      ['null', null],
      ['another version', { jsonrpc: '1.0', id: 1, method: 'ping' }],
      ['an id that is null', { jsonrpc: '2.0', id: null, method: 'ping' }],
      ['an id that is a fraction', { jsonrpc: '2.0', id: 1.5, method: 'ping' }],
      ['params that are a list', { jsonrpc: '2.0', id: 1, method: 'ping', params: [] }],
      ['a method that is a number', { jsonrpc: '2.0', id: 1, method: 7 }],
      ['both a method and a result', { jsonrpc: '2.0', id: 1, method: 'ping', result: {} }],
      ['both a result and an error', { jsonrpc: '2.0', id: 1, result: {}, error: { code: 1, message: '' } }],
      ['65 levels', JSON.parse(`${'['.repeat(65)}${']'.repeat(65)}`)],
      ['a batch without a session', [rpc('ping')]],
      ['an empty batch', []],
    ])('answers -32600 to %s', async (_, message) => {
      const answer = await post(url, 'alice', message)
      expect([answer.status, answer.body.error.code]).toEqual([400, -32600])
    })

    it('refuses keys that would reach a prototype, and keys that are there twice', async () => {
      const body =
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hello","arguments":{"__proto__":{"x":1}}}}'
      expect((await post(url, 'alice', body)).status).toBe(400)
      expect((await post(url, 'alice', '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}')).status).toBe(
        400,
      )
    })

    it('survives an abyss of brackets', async () => {
      expect((await post(url, 'alice', '['.repeat(500_000))).status).toBe(400)
      expect((await post(url, 'alice', rpc('ping'))).status).toBe(200)
    })
  })

  describe('revisions and sessions', () => {
    it.each(['2025-03-26', '2025-06-18', '2025-11-25'])('speaks %s', async (revision) => {
      const answer = await post(url, 'alice', initialize(revision))
      expect(answer.body.result).toMatchObject({
        protocolVersion: revision,
        serverInfo: { name: 'naive' },
        capabilities: { experimental: { authentication: { required: true, types: ['api_key'] } } },
      })
      const session = answer.headers.get('mcp-session-id') as string
      expect(session).toMatch(/^[A-Za-z0-9_-]+$/)
      const headers = { 'mcp-session-id': session, 'mcp-protocol-version': revision }
      expect((await post(url, 'alice', { jsonrpc: '2.0', method: 'notifications/initialized' }, headers)).status).toBe(
        202,
      )
      expect((await post(url, 'alice', call('hello'), headers)).status).toBe(200)
    })

    it('offers its newest revision of the era for one that it does not have', async () => {
      for (const asked of ['2024-11-05', '2030-01-01']) {
        expect((await post(url, 'alice', initialize(asked))).body.result.protocolVersion).toBe('2025-11-25')
      }
    })

    it('answers -32022 to a header that names another revision', async () => {
      const answer = await post(url, 'alice', call('hello'), { 'mcp-protocol-version': '2024-11-05' })
      expect(answer.status).toBe(400)
      expect(answer.body.error).toMatchObject({
        code: -32022,
        data: { supported: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'], requested: '2024-11-05' },
      })
    })

    it('answers 404 and -32601 to methods that the revision does not define', async () => {
      const [old, recent] = [await startSession(url, 'alice', '2025-06-18'), await startSession(url, 'alice')]
      for (const [session, method] of [
        [old, 'tasks/list'],
        [recent, 'server/discover'],
        [recent, 'subscriptions/listen'],
        [recent, 'no/such/method'],
        [recent, '__proto__'],
        [recent, 'constructor'],
      ] as const) {
        const answer = await post(url, 'alice', rpc(method), { 'mcp-session-id': session })
        expect([method, answer.status, answer.body.error.code]).toEqual([method, 404, -32601])
      }
    })

    it('takes batches of 2025-03-26 and of no other', async () => {
      const batch = [
        rpc('ping', {}, 1),
        { jsonrpc: '2.0', method: 'notifications/initialized' },
        call('hello', {}, 2),
        call('gone', {}, 3),
      ]
      for (const revision of ['2025-06-18', '2025-11-25']) {
        const session = await startSession(url, 'limited', revision)
        expect((await post(url, 'limited', batch, { 'mcp-session-id': session })).body.error.code).toBe(-32600)
      }
      const session = await startSession(url, 'limited', '2025-03-26')
      const { status, body } = await post(url, 'limited', batch, { 'mcp-session-id': session })
      expect(status).toBe(200)
      expect(body.map(({ id, error }: { id: number; error?: { code: number } }) => [id, error?.code])).toEqual([
        [1, undefined],
        [2, undefined],
        [3, 403],
      ])
      expect(
        (
          await post(
            url,
            'limited',
            Array.from({ length: 101 }, () => rpc('ping')),
            { 'mcp-session-id': session },
          )
        ).status,
      ).toBe(400)
      expect((await post(url, 'limited', [initialize(), rpc('ping')], { 'mcp-session-id': session })).status).toBe(400)
    })

    it('knows no session but its own', async () => {
      const session = await startSession(url, 'alice')
      const changed = `${session.slice(0, -2)}${session.endsWith('AA') ? 'BB' : 'AA'}`
      for (const id of [changed, 'x', '', `${session}A`, session.toLowerCase(), 'A'.repeat(5000)]) {
        expect((await post(url, 'alice', call('hello'), { 'mcp-session-id': id })).status, id.slice(0, 80)).toBe(404)
      }
    })

    it('replaces the stream of a session by its newest', async () => {
      const session = await startSession(url, 'alice')
      const first = await listen(url, 'alice', session)
      const second = await listen(url, 'alice', session)
      expect(await first.next()).toBeUndefined()
      expect([first.status, second.status]).toEqual([200, 200])
      second.close()
    })
  })

  describe('authorization', () => {
    it('lists what may be called and refuses the rest alike, whether it exists or not', async () => {
      const { tools } = (await post(url, 'limited', rpc('tools/list'))).body.result
      expect(tools.map(({ name }: { name: string }) => name)).toEqual(['hello'])
      expect(
        (await post(url, 'limited', rpc('resources/list'))).body.result.resources.map(
          ({ uri }: { uri: string }) => uri,
        ),
      ).toEqual(['memo://open/1'])
      expect((await post(url, 'limited', rpc('prompts/list'))).body.result.prompts).toEqual([])
      const [hidden, absent] = [
        await post(url, 'limited', call('whoami', {}, 5)),
        await post(url, 'limited', call('never was', {}, 5)),
      ]
      expect([hidden.status, hidden.headers.get('www-authenticate')]).toEqual([403, null])
      expect(hidden.body).toEqual(absent.body)
      expect(hidden.body).toMatchObject({ id: 5, error: { code: 403, data: { code: 'PORTCULLIS_FORBIDDEN' } } })
    })

    it.each<[string, unknown]>([
      ['resources/read', { uri: 'memo://secret/1' }],
      ['resources/read', { uri: 'memo://open/../secret/1' }],
      ['resources/read', { uri: 'memo://open/%2e%2e/secret/1' }],
      ['resources/subscribe', { uri: 'memo://secret/1' }],
      ['resources/unsubscribe', { uri: 'memo://secret/1' }],
      ['prompts/get', { name: 'greet' }],
      ['completion/complete', { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'a', value: '' } }],
      [
        'completion/complete',
        { ref: { type: 'ref/resource', uri: 'memo://secret/{id}' }, argument: { name: 'id', value: '' } },
      ],
      ['logging/setLevel', { level: 'debug' }],
    ])('decides %s too', async (method, params) => {
      expect((await post(url, 'limited', rpc(method, params))).status).toBe(403)
      expect((await post(url, 'nobody', rpc(method, params))).status).toBe(403)
    })

    it('lets in who may', async () => {
      expect(
        (await post(url, 'limited', rpc('resources/read', { uri: 'memo://open/1' }))).body.result.contents[0].text,
      ).toBe('open')
      expect((await post(url, 'alice', rpc('prompts/get', { name: 'greet' }))).body.result.messages).toHaveLength(1)
    })
  })
})

describe('limits over HTTP', () => {
  const limited = (api_key: number, anonymous = 1000) =>
    createRateLimiter({
      limits: [
        { name: 'api_key', algorithm: 'window', limit: api_key, windowMs: 60_000 },
        { name: 'anonymous', algorithm: 'window', limit: anonymous, windowMs: 60_000 },
      ],
    })

  it('refuses the request over the limit, says for how long, and still answers pings', async () => {
    const world = await serve(naiveServer('v1', createGates()) as never, { limiter: limited(3) })
    const { url } = world.served
    for (let left = 2; left >= 0; left--) {
      const answer = await post(url, 'alice', call('hello'))
      expect([answer.status, answer.headers.get('ratelimit')]).toEqual([200, expect.stringContaining(`r=${left}`)])
    }
    for (let again = 0; again < 2; again++) {
      const refused = await post(url, 'alice', call('hello', {}, 9))
      expect(refused.status).toBe(429)
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50)
      expect(refused.headers.get('retry-after')).toMatch(/^[0-9]+$/)
      expect(refused.headers.get('ratelimit-policy')).toBe('"api_key";q=3;w=60')
      expect(refused.body).toMatchObject({ id: 9, error: { code: 429, data: { code: 'PORTCULLIS_RATE_LIMITED' } } })
      expect(refused.body.error.message).toMatch(/in [0-9]+ s/)
    }
    expect((await post(url, 'alice', rpc('ping'))).status).toBe(200)
    expect((await post(url, 'alice', { jsonrpc: '2.0', method: 'notifications/initialized' })).status).toBe(202)
    expect((await post(url, 'mallory', call('hello'))).status).toBe(200)
    // A large body of somebody over the limit is not even read.
    expect((await post(url, 'alice', call('hello', { name: 'x'.repeat(10_000) }))).status).toBe(429)
    await world.served.close(0)
  })

  it('counts a batch for as many requests as it holds', async () => {
    const world = await serve(naiveServer('v1', createGates()) as never, { limiter: limited(5) })
    const { url } = world.served
    const session = await startSession(url, 'alice', '2025-03-26')
    const { body } = await post(
      url,
      'alice',
      Array.from({ length: 6 }, (_, id) => call('hello', {}, id)),
      { 'mcp-session-id': session },
    )
    expect(body.filter(({ error }: { error?: unknown }) => error === undefined)).toHaveLength(4)
    await world.served.close(0)
  })

  it('charges strangers to their address and lets who is known pass', async () => {
    const world = await serve(naiveServer('v1', createGates()) as never, { limiter: limited(1000, 3) })
    const { url } = world.served
    const statuses: number[] = []
    for (const key of ['guess-1', undefined, 'guess-2', 'guess-3', undefined])
      statuses.push((await post(url, key, call('hello'))).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
    expect((await post(url, 'alice', call('hello'))).status).toBe(200)
    await world.served.close(0)
  })

  it('counts anonymous callers by address', async () => {
    const world = await serve(naiveServer('v1', createGates()) as never, {
      limiter: limited(1000, 2),
      authenticate: { anonymous: ['hello'] },
    })
    const { url } = world.served
    const statuses: number[] = []
    for (let time = 0; time < 3; time++) statuses.push((await post(url, undefined, call('hello'))).status)
    expect(statuses).toEqual([200, 200, 429])
    await world.served.close(0)
  })

  it('answers in tool results when it is told to', async () => {
    const world = await serve(naiveServer('v1', createGates()) as never, { limiter: limited(1), refusals: 'result' })
    const { url } = world.served
    expect((await post(url, 'nobody', call('hello'))).body.result).toMatchObject({ isError: true })
    await post(url, 'alice', call('hello'))
    const refused = await post(url, 'alice', call('hello'))
    expect([refused.status, refused.body.result.isError]).toEqual([200, true])
    expect(refused.body.result.content[0].text).toMatch(/Try again in/)
    await world.served.close(0)
  })
})

describe('options of the HTTP front', () => {
  it('takes keys inside messages when it is told to: small ones, no tokens, and a header wins', async () => {
    const world = await serve(naiveServer('v1', createGates()) as never, {}, { inBand: true })
    const { url } = world.served
    const auth = { type: 'api_key', api_key: 'alice' }
    for (const message of [
      { ...call('whoami'), auth },
      { ...call('whoami'), params: { ...call('whoami').params, auth } },
      { ...call('whoami'), params: { ...call('whoami').params, _meta: { auth } } },
    ]) {
      expect((await post(url, undefined, message)).body.result.content[0].text).toBe('api_key:t::alice')
      expect((await post(url, 'limited', message)).status).toBe(403)
    }
    for (const wrong of [
      { type: 'oauth2', access_token: 'alice' },
      { type: 'api_key' },
      'alice',
      { type: 'api_key', api_key: 'x' },
    ]) {
      const answer = await post(url, undefined, { ...call('whoami'), auth: wrong })
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"'])
    }
    expect((await post(url, undefined, call('whoami'))).headers.get('www-authenticate')).toBe('Bearer')
    expect((await post(url, undefined, { ...call('hello', { name: 'x'.repeat(70_000) }), auth })).status).toBe(401)
    expect(
      (await post(url, undefined, { ...call('whoami'), auth, params: { ...call('whoami').params, auth } })).status,
    ).toBe(401)
    await world.served.close(0)
  })

  it('lets everybody in only when nothing stands before it', async () => {
    const world = await serve(
      naiveServer('v1', createGates()) as never,
      { authenticate: { dangerouslyAllowEveryone: true } },
      { refuseProxied: true },
    )
    const { url } = world.served
    expect((await post(url, undefined, call('whoami'))).body.result.content[0].text).toBe('anonymous')
    const started = await post(url, undefined, initialize())
    expect(started.headers.get('mcp-session-id')).toBeNull()
    expect(started.body.result.capabilities.experimental.authentication).toEqual({ required: false, types: [] })
    for (const name of ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'via']) {
      expect((await post(url, undefined, call('hello'), { [name]: '203.0.113.9' })).status).toBe(403)
    }
    await world.served.close(0)
  })

  it('asks a custom authenticator, which is one function', async () => {
    const world = await serve(naiveServer('v1', createGates()) as never, {
      authenticate: {
        custom: ({ header }) =>
          header?.('x-user') === undefined ? undefined : principal(`custom:${header('x-user')}`, ['*'], 'custom'),
      },
    })
    const { url } = world.served
    expect((await post(url, undefined, call('whoami'), { 'x-user': 'eve' })).body.result.content[0].text).toBe(
      'custom:eve',
    )
    expect((await post(url, undefined, call('whoami'))).status).toBe(401)
    expect(
      (await post(url, undefined, initialize(), { 'x-user': 'eve' })).body.result.capabilities.experimental
        .authentication.types,
    ).toEqual(['custom'])
    await world.served.close(0)
  })

  it('answers 503 when the keys cannot be read, never 401 and never 200', async () => {
    const world = await serve(naiveServer('v1', createGates()) as never, {
      authenticate: {
        apiKeys: {
          verify: () => {
            throw Object.assign(new Error('the disk is gone'), { fault: 'unavailable' })
          },
        },
      },
    })
    const answer = await post(world.served.url, 'alice', call('hello'))
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    expect(JSON.stringify(answer.body)).not.toContain('disk')
    await world.served.close(0)
  })

  it('runs nothing that cannot be audited', async () => {
    let broken = false
    const gate = createGates()
    const world = await serve(naiveServer('v1', gate) as never, {
      audit: {
        record: async () => {
          if (broken) throw new Error('disk full')
        },
      },
    })
    expect((await post(world.served.url, 'alice', call('hello'))).status).toBe(200)
    broken = true
    const refused = await post(world.served.url, 'alice', call('hello'))
    expect([refused.status, refused.body.error.data.code]).toEqual([503, 'PORTCULLIS_UNAVAILABLE'])
    broken = false
    expect((await post(world.served.url, 'alice', call('hello'))).status).toBe(200)
    await world.served.close(0)
  })

  it('finishes what is under way when it is closed, and takes nothing new', async () => {
    const gate = createGates()
    const world = await serve(naiveServer('v1', gate) as never)
    const running = post(world.served.url, 'alice', call('wait', { gate: 'a' }))
    await gate('a').entered
    const closing = world.served.close()
    await expect(post(world.served.url, 'alice', call('hello'))).rejects.toThrow()
    gate('a').open()
    expect((await running).body.result.content[0].text).toBe('done a')
    await closing
  })
})
