import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { administer, call, clients, createKey, eventually, post, request, start, textOf, write } from './support.ts'

describe.each(Object.entries(clients))('the running server and %s', (_, connect) => {
  it('declares its authentication, lists by grant, and calls', async () => {
    const server = await start()
    const full = await connect(server.url, { 'X-API-Key': server.key() })
    expect(full.getServerCapabilities()).toMatchObject({
      tools: {},
      resources: {},
      prompts: {},
      experimental: { authentication: { required: true, types: ['api_key'] } },
    })
    expect((await full.listTools()).tools.map(({ name }) => name)).toEqual([
      'hello_world',
      'echo',
      'get_time',
      'debug_info',
    ])
    expect(textOf(await full.callTool({ name: 'hello_world', arguments: { name: 'you' } }))).toBe('Hello, you!')
    expect(textOf(await full.callTool({ name: 'get_time', arguments: {} }))).toMatch(/^\d{4}-\d\d-\d\dT/)
    expect(textOf(await full.callTool({ name: 'get_time', arguments: { timezone: 'Europe/Berlin' } }))).toMatch(
      /Europe\/Berlin$/,
    )
    expect(await full.callTool({ name: 'get_time', arguments: { timezone: 'Mars/Olympus' } })).toMatchObject({
      isError: true,
    })
    const info = JSON.parse(textOf(await full.callTool({ name: 'debug_info', arguments: {} })))
    expect(info).toMatchObject({
      server: 'secure-mcp-server',
      protocolRevision: '2025-11-25',
      principal: { grants: ['*'] },
    })
    expect(JSON.stringify(info)).not.toMatch(/\/(?:home|root|tmp|usr)|PATH/)

    const reader = await connect(server.url, { Authorization: `Bearer ${createKey(server.dir, 'reader', 'get_*')}` })
    expect((await reader.listTools()).tools.map(({ name }) => name)).toEqual(['get_time'])
    await expect(reader.callTool({ name: 'echo', arguments: { message: 'x' } })).rejects.toThrow(/Not allowed/)
    await expect(connect(server.url, {})).rejects.toThrow()
    await expect(connect(server.url, { 'X-API-Key': 'wrong' })).rejects.toThrow()
    for (const client of [full, reader]) await client.close()
  })
})

describe('the five checks', () => {
  it('refuses the same call without a key, with a wrong one, and with one that lacks the tool', async () => {
    const server = await start()
    const limited = createKey(server.dir, 'limited', 'hello_world')
    const echo = call('echo', { message: 'x' })
    await eventually(async () => (await post(server.url, limited, request('ping'))).status === 200)
    expect((await post(server.url, server.key(), echo)).status).toBe(200)
    expect((await post(server.url, undefined, echo)).status).toBe(401)
    expect((await post(server.url, 'wrong', echo)).status).toBe(401)
    expect((await post(server.url, `${server.key().slice(0, -1)}x`, echo)).status).toBe(401)
    const denied = await post(server.url, limited, echo)
    expect([denied.status, denied.headers.get('www-authenticate')]).toEqual([403, null])
    expect(denied.body).toMatchObject({ id: echo.id, error: { code: 403, data: { code: 'PORTCULLIS_FORBIDDEN' } } })
  })

  it('stops at 1000 requests a minute for a key and at 100 for an address without one, and counts each for itself', async () => {
    const server = await start()
    const [one, two] = [createKey(server.dir, 'one', 'echo'), createKey(server.dir, 'two', 'echo')]
    await eventually(async () => (await post(server.url, two, request('ping'))).status === 200)
    const statuses: number[] = []
    for (let sent = 0; sent < 1010; sent += 10) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => post(server.url, one, call('echo', { message: 'x' }))),
      )
      statuses.push(...answers.map(({ status }) => status))
    }
    expect([
      statuses.filter((status) => status === 200).length,
      statuses.filter((status) => status === 429).length,
    ]).toEqual([1000, 10])
    const refused = await post(server.url, one, call('echo', { message: 'x' }))
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(refused.body.error).toMatchObject({
      code: 429,
      data: { code: 'PORTCULLIS_RATE_LIMITED' },
      message: expect.stringMatching(/\d+ s/),
    })
    expect((await post(server.url, one, request('ping'))).status).toBe(200)
    expect((await post(server.url, two, call('echo', { message: 'x' }))).status).toBe(200)

    const strangers: number[] = []
    for (let sent = 0; sent < 102; sent++)
      strangers.push((await post(server.url, `guess-${sent}`, call('echo'))).status)
    expect([strangers.filter((status) => status === 401).length, strangers.at(-1)]).toEqual([100, 429])
    expect((await post(server.url, two, call('echo', { message: 'x' }))).status).toBe(200)
  })

  it('takes 1 MiB and no more', async () => {
    const server = await start()
    const padded = (length: number): string => {
      const empty = JSON.stringify(call('echo', { message: '' })).length
      return JSON.stringify(call('echo', { message: 'x'.repeat(length - empty) }))
    }
    expect((await post(server.url, server.key(), padded(1_048_500))).status).toBe(200)
    const over = await post(server.url, server.key(), padded(1_048_577))
    expect([over.status, over.body.error.data.code]).toEqual([413, 'PORTCULLIS_TOO_LARGE'])
  })

  const suspicious = [
    '../../etc/passwd',
    '<script>alert(1)</script>',
    "1' UNION ALL SELECT password FROM users",
    'eval(process.env)',
  ]

  it.each(suspicious)('under the strict preset refuses %j in any argument, with rule and place', async (payload) => {
    const server = await start({ files: { 'portcullis.yaml': 'validation: { preset: strict }\n' } })
    const refused = await post(server.url, server.key(), call('echo', { message: payload }))
    expect(refused.status).toBe(200)
    expect(refused.body.result).toMatchObject({ isError: true })
    expect(refused.body.result._meta.findings).toEqual([{ ruleId: expect.any(String), pointer: '/message' }])
    expect(JSON.stringify(refused.body)).not.toContain(payload)
    const resource = await post(server.url, server.key(), {
      jsonrpc: '2.0',
      id: 1,
      method: 'prompts/get',
      params: { name: 'p', arguments: { a: payload } },
    })
    expect(resource.body.error.code).toBe(-32602)
    expect(textOf(await post(server.url, server.key(), call('echo', { message: 'an honest word' })))).toBe(
      'an honest word',
    )
  })

  it.each(suspicious)('under the standard preset lets %j pass, because free text may say anything', async (payload) => {
    const server = await start()
    expect(textOf(await post(server.url, server.key(), call('echo', { message: payload })))).toBe(payload)
  })

  it('refuses blocked addresses', async () => {
    const server = await start({ files: { 'portcullis.yaml': 'validation: { blockedAddresses: [127.0.0.0/8] }\n' } })
    const refused = await post(server.url, server.key(), call('hello_world'))
    expect([refused.status, refused.body.error.data.code]).toEqual([403, 'PORTCULLIS_ADDRESS_BLOCKED'])
  })

  it('takes the address of a client from trusted proxies alone', async () => {
    const yaml = 'validation: { blockedAddresses: [203.0.113.0/24] }\n'
    const from = { 'X-Forwarded-For': '198.51.100.1, 203.0.113.7' }
    const trusting = await start({ files: { 'portcullis.yaml': `${yaml}listen: { trustedProxies: [127.0.0.0/8] }\n` } })
    expect((await post(trusting.url, trusting.key(), call('hello_world'), from)).status).toBe(403)
    expect(
      (
        await post(trusting.url, trusting.key(), call('hello_world'), {
          'X-Forwarded-For': '203.0.113.7, 198.51.100.1',
        })
      ).status,
    ).toBe(200)
    const direct = await start({ files: { 'portcullis.yaml': yaml } })
    expect((await post(direct.url, direct.key(), call('hello_world'), from)).status).toBe(200)
  })

  it('follows the rules of a policy: arguments, weights, limits of their own, and watching only', async () => {
    const yaml = `policy:
  rules:
    - { match: "tool:echo", arguments: { message: ["sandbox-*"] }, cost: 5, limit: { requests: 10, windowMs: 60000 } }
    - { match: "tool:hello_world", arguments: { name: ["nobody"] }, mode: monitor }
`
    const server = await start({ files: { 'portcullis.yaml': yaml } })
    const echo = (message: unknown) => post(server.url, server.key(), call('echo', { message }))
    for (const message of ['production', 7, ['sandbox-1', 'x'], null]) expect((await echo(message)).status).toBe(403)
    expect((await echo('sandbox-1')).status).toBe(200)
    expect((await echo('sandbox-2')).status).toBe(200)
    expect((await echo('sandbox-3')).status).toBe(429)
    expect((await post(server.url, server.key(), call('hello_world', { name: 'you' }))).status).toBe(200)
  })
})

describe('while the server runs', () => {
  it('a key revoked in one shell is refused within a second, and its stream ends', async () => {
    const server = await start()
    const key = createKey(server.dir, 'ci', 'echo')
    await eventually(async () => (await post(server.url, key, request('ping'))).status === 200)
    const started = await post(
      server.url,
      key,
      request('initialize', {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'x', version: '1' },
      }),
    )
    const stream = await fetch(server.url, {
      headers: {
        accept: 'text/event-stream',
        'x-api-key': key,
        'mcp-session-id': started.headers.get('mcp-session-id') as string,
      },
    })
    expect(stream.status).toBe(200)
    expect(administer(server.dir, 'keys', 'revoke', 'ci').code).toBe(0)
    await eventually(async () => (await post(server.url, key, request('ping'))).status === 401, 1000)
    expect(await stream.text()).not.toContain('data:')
  })

  it('every decision and outcome is in the audit log, nothing secret is, and the chain holds', async () => {
    const server = await start()
    await post(server.url, server.key(), call('echo', { message: 'what nobody should log' }))
    const weak = createKey(server.dir, 'weak')
    await eventually(async () => (await post(server.url, weak, request('ping'))).status === 200)
    await post(server.url, weak, call('echo', { message: 'x' }))
    await post(server.url, 'wrong-key-text', call('echo', { message: 'x' }))
    await server.stop()
    const file = join(server.dir, 'audit', 'audit.jsonl')
    const text = readFileSync(file, 'utf8')
    const events = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const decisions = events.filter(({ type }) => type === 'decision')
    expect(decisions.map(({ name, allowed }) => [name, allowed])).toEqual([
      ['echo', true],
      ['echo', false],
    ])
    expect(events.find(({ type }) => type === 'outcome')).toMatchObject({ call: decisions[0].call, ok: true })
    expect(events.find(({ type }) => type === 'refused')).toMatchObject({ count: 1, address: '127.0.0.1' })
    for (const secret of [server.key(), weak, 'wrong-key-text', 'what nobody should log'])
      expect(text).not.toContain(secret)
    expect(administer(server.dir, 'audit', 'verify').code).toBe(0)
    write(file, text.replace('"allowed":false', '"allowed":true'))
    expect(administer(server.dir, 'audit', 'verify').code).not.toBe(0)
  })

  it('keeps its sessions over a restart', async () => {
    const first = await start()
    const key = first.key()
    const started = await post(
      first.url,
      key,
      request('initialize', {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'x', version: '1' },
      }),
    )
    const session = { 'mcp-session-id': started.headers.get('mcp-session-id') as string }
    expect(await first.stop()).toBe(0)
    const second = await start({ cwd: first.cwd })
    expect((await post(second.url, key, call('hello_world'), session)).status).toBe(200)
    expect((await post(second.url, createKey(second.dir, 'other', '*'), call('hello_world'), session)).status).not.toBe(
      200,
    )
  })

  it('survives kill -9 at any moment, and the chain of its audit log with it', async () => {
    const first = await start()
    const key = first.key()
    const calling = Array.from({ length: 50 }, () =>
      post(first.url, key, call('echo', { message: 'x' })).catch(() => undefined),
    )
    await calling[0]
    first.child.kill('SIGKILL')
    const answered = (await Promise.all(calling)).filter((answer) => answer?.status === 200).length
    const second = await start({ cwd: first.cwd })
    expect((await post(second.url, key, call('echo', { message: 'x' }))).status).toBe(200)
    await second.stop()
    expect(administer(second.dir, 'audit', 'verify').code).toBe(0)
    const allowed = readFileSync(join(second.dir, 'audit', 'audit.jsonl'), 'utf8').split('"allowed":true').length - 1
    expect(allowed).toBeGreaterThanOrEqual(answered + 1)
  })

  it('tells whoever runs it that it lives and takes requests', async () => {
    const server = await start({ args: ['--ops-port', '0'] })
    const found = await eventually(() => /"event":"operations.ready","url":"([^"]+)"/.exec(server.errors())?.[1])
    for (const path of ['/livez', '/readyz']) expect((await fetch(new URL(path, found))).status).toBe(200)
    expect((await fetch(new URL('/other', found))).status).toBe(404)
    expect((await fetch(new URL('/', server.url))).status).toBe(200)
  })
})
