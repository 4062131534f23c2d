import express from 'express'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request as ask, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseList } from 'structured-headers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  addressKey,
  type HttpLimiter,
  type LimitRequestsOptions,
  limitRequests,
  problemDetails,
  RateLimitError,
} from '../src/http.ts'
import { createRateLimiter, type Limit, type RateLimitResult } from '../src/index.ts'
import { createRedisRateLimiter } from '../src/redis.ts'
import { useRedis } from './redis-server.ts'

const perMinute: Limit = { name: 'minute', algorithm: 'window', limit: 3, windowMs: 60_000 }
const slots: Limit = { name: 'slots', algorithm: 'concurrency', limit: 2, windowMs: 60_000 }
const memory = (...limits: Limit[]) => createRateLimiter({ limits, clock: () => 0 })

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})
const listen = async (server: Server): Promise<string> => {
  servers.push(server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
type Answer = (request: IncomingMessage, response: ServerResponse) => void
/** Bare `node:http`. */
const serve = (options: LimitRequestsOptions, answer: Answer = (_, response) => response.end('hello')) => {
  const limit = limitRequests(options)
  return listen(
    createServer((request, response) => {
      limit(request, response).then(
        (goesOn) => goesOn && answer(request, response),
        (error: Error) => response.writeHead(500).end(error.message),
      )
    }),
  )
}
const failing = (error: unknown): HttpLimiter => ({
  check: () => Promise.reject(error),
  renew: () => false,
  release: () => false,
})
const until = (what: () => boolean | undefined) => vi.waitFor(() => expect(what()).toBe(true), 5000)
/** Opens a request and keeps it open. */
const open = async (url: string) => {
  const request = ask(url)
  request.on('error', () => undefined).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { request, response }
}

describe('an answer', () => {
  it('says what is left, and the refusal is a 429 with all that the draft has for it', async () => {
    const url = await serve({ limiter: memory(perMinute), policies: [perMinute] })
    for (const left of [2, 1, 0]) {
      const response = await fetch(url)
      expect([response.status, await response.text()]).toEqual([200, 'hello'])
      const [[policy, state]] = parseList(response.headers.get('ratelimit') as string) as [
        [string, Map<string, number>],
      ]
      expect([policy, state.get('r'), state.get('t')]).toEqual(['minute', left, 60])
      expect(response.headers.get('ratelimit-policy')).toBe('"minute";q=3;w=60')
      expect(response.headers.get('retry-after')).toBeNull()
    }
    const refused = await fetch(url)
    expect(refused.status).toBe(429)
    expect(Object.fromEntries(refused.headers)).toMatchObject({
      'content-type': 'application/problem+json',
      ratelimit: '"minute";r=0;t=60',
      'ratelimit-policy': '"minute";q=3;w=60',
      'retry-after': '60',
    })
    expect(await refused.json()).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Request cannot be satisfied as assigned quota has been exceeded',
      status: 429,
      detail: 'Too many requests. Try again in 60 s.',
      'violated-policies': ['minute'],
    })
    const head = await fetch(url, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([429, ''])
  })

  it('lets through no more of many at once than of as many in turn', async () => {
    const answer = vi.fn<Answer>((_, response) => void response.end())
    const url = await serve({ limiter: memory(perMinute) }, answer)
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(url)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3)
    expect(answer).toHaveBeenCalledTimes(3)
  })

  it('comes without fields where nothing was counted', async () => {
    const url = await serve({ limiter: memory(perMinute), key: () => undefined })
    for (let i = 0; i < 5; i++) {
      const response = await fetch(url)
      expect([response.status, response.headers.has('ratelimit')]).toEqual([200, false])
    }
  })

  it('charges what the request costs to the limits it is for', async () => {
    const hourly: Limit = { name: 'hourly', algorithm: 'window', limit: 100, windowMs: 3_600_000 }
    const limiter = memory(perMinute, hourly)
    const told = vi.fn()
    const url = await serve({
      limiter,
      key: () => 'k',
      cost: ({ url }) => Number(url?.slice(1)),
      limits: ({ method }) => (method === 'GET' ? ['hourly'] : ['minute', 'hourly']),
      policies: [perMinute, hourly],
      partitionKey: (key) => new TextEncoder().encode(key),
      quotaUnit: 'requests',
      onResult: (result, key, request) => {
        told(result.remaining, key, request.url)
        throw new Error('of no concern')
      },
    })
    const read = await fetch(`${url}70`)
    expect(read.headers.get('ratelimit-policy')).toBe('"hourly";q=100;w=3600;qu="requests";pk=:aw==:')
    const written = await fetch(`${url}2`, { method: 'POST' })
    expect(written.headers.get('ratelimit')).toBe('"minute";r=1;t=60;pk=:aw==:')
    expect(parseList(written.headers.get('ratelimit-policy') as string).map(([name]) => name)).toEqual([
      'minute',
      'hourly',
    ])
    expect((await fetch(`${url}29`)).status).toBe(429)
    expect(told.mock.calls).toEqual([
      [30, 'k', '/70'],
      [1, 'k', '/2'],
      [28, 'k', '/29'],
    ])
  })
})

describe('the key', () => {
  it('is the peer of the connection, whatever headers say', async () => {
    const url = await serve({ limiter: memory(perMinute) })
    const claim = (address: string) => ({
      'x-forwarded-for': address,
      forwarded: `for=${address}`,
      'x-real-ip': address,
    })
    const statuses: number[] = []
    for (let i = 0; i < 5; i++) statuses.push((await fetch(url, { headers: claim(`10.0.0.${i}`) })).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
  })

  it('is one for all addresses that one caller has', async () => {
    expect(addressKey('::ffff:192.0.2.1')).toBe(addressKey('192.0.2.1'))
    expect(addressKey('192.0.2.1')).not.toBe(addressKey('192.0.2.2'))
    expect(addressKey('2001:db8:1:2::1')).toBe(addressKey('2001:db8:1:2:ffff:ffff:ffff:ffff%eth0'))
    expect(addressKey('2001:db8:1:2::1')).not.toBe(addressKey('2001:db8:1:3::1'))
    // Without an address (a Unix socket) nobody gets by uncounted.
    for (const none of [undefined, '', 'localhost', '1.2.3.4.5']) expect(addressKey(none)).toBe('unknown')
    const limit = limitRequests({ limiter: memory(perMinute) })
    const ends: unknown[] = []
    const from = (remoteAddress: string | undefined) => {
      const response = { appendHeader() {}, setHeader() {}, end: (body: unknown) => ends.push(body) }
      return limit({ socket: { remoteAddress } } as IncomingMessage, response as unknown as ServerResponse)
    }
    for (const end of ['1', '2', '3']) expect(await from(`2001:db8::${end}`)).toBe(true)
    expect(await from('2001:db8::4')).toBe(false)
    for (let i = 0; i < 3; i++) expect(await from(undefined)).toBe(true)
    expect(await from(undefined)).toBe(false)
    expect(ends).toHaveLength(2)
  })

  it('counts those without a name together, and only undefined not at all', async () => {
    const url = await serve({ limiter: memory({ ...perMinute, limit: 1 }), key: () => '' })
    expect([(await fetch(url)).status, (await fetch(url)).status]).toEqual([200, 429])
  })

  it('may take its time, and its failure is no way in', async () => {
    const limiter = memory(perMinute)
    const url = await serve({
      limiter,
      key: async ({ url }) => {
        await Promise.resolve()
        if (url === '/throw') throw new Error('who is that?')
        return url === '/number' ? (7 as unknown as string) : 'k'
      },
    })
    expect((await fetch(url)).status).toBe(200)
    for (const [path, text] of [
      ['throw', 'who is that?'],
      ['number', 'a key must be a string'],
    ]) {
      const response = await fetch(`${url}${path}`)
      expect([response.status, await response.text()]).toEqual([500, text])
    }
    expect(limiter.peek('k').remaining).toBe(2)
  })
})

describe('a fault', () => {
  const down = new RateLimitError('ERR_RATELIMIT_STORE', 'Redis does not answer: secret host', { retryAfterMs: 2500 })

  it('of the store is a 503 and never a 429', async () => {
    const answer = vi.fn<Answer>()
    const response = await fetch(await serve({ limiter: failing(down) }, answer))
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '3'])
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.has('ratelimit')).toBe(false)
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      detail: 'Try again in 3 s.',
    })
    expect(answer).not.toHaveBeenCalled()
    const closed = memory(perMinute)
    closed.close()
    const without = await fetch(await serve({ limiter: closed }))
    expect([without.status, without.headers.get('retry-after')]).toEqual([503, '1'])
  })

  it('of another kind goes to next, or is thrown', async () => {
    const script = new RateLimitError('ERR_RATELIMIT_SCRIPT', 'Redis rejects it')
    const response = await fetch(await serve({ limiter: failing(script) }))
    expect([response.status, await response.text()]).toEqual([500, 'Redis rejects it'])
    const next = vi.fn()
    const request = { socket: {} } as IncomingMessage
    expect(await limitRequests({ limiter: failing(script) })(request, {} as ServerResponse, next)).toBe(false)
    expect(next.mock.calls).toEqual([[script]])
  })
})

describe('a lease', () => {
  const held = (limiter: ReturnType<typeof memory>) => slots.limit - limiter.peek('k', { cost: 0 }).remaining

  it('is held while the answer runs, and given back when it ends or its connection closes', async () => {
    const limiter = memory(slots)
    const responses: ServerResponse[] = []
    const url = await serve({ limiter, key: () => 'k', policies: [slots] }, (_, response) => {
      responses.push(response)
      response.write('begun')
    })
    const first = await open(url)
    const second = await open(url)
    const refused = await fetch(url)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('ratelimit')).toBe('"slots";r=0')
    expect(refused.headers.get('ratelimit-policy')).toBe('"slots";q=2;qu="concurrent-requests"')
    expect(((await refused.json()) as { 'violated-policies': unknown })['violated-policies']).toEqual(['slots'])
    responses[0]?.end()
    first.response.resume()
    await until(() => held(limiter) === 1)
    second.request.destroy()
    await until(() => held(limiter) === 0)
    expect((await open(url)).response.statusCode).toBe(200)
  })

  it('is given back once, on connections that go on too', async () => {
    const result: RateLimitResult = { ...memory(slots).check('k'), lease: { id: 'one', ttlMs: 60_000 } }
    const release = vi.fn(() => Promise.reject(new Error('the store is down')))
    const url = await serve({ limiter: { check: () => result, renew: () => true, release }, key: () => 'k' })
    for (let i = 1; i <= 3; i++) {
      expect(await (await fetch(url)).text()).toBe('hello')
      await until(() => release.mock.calls.length === i)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(release.mock.calls).toEqual([
      ['k', 'one'],
      ['k', 'one'],
      ['k', 'one'],
    ])
  })

  it('is given back though the caller was gone before it was taken', async () => {
    const limiter = memory(slots)
    let answers: ((result: RateLimitResult) => void) | undefined
    const slow: HttpLimiter = {
      check: (key) => new Promise((resolve) => (answers = () => resolve(limiter.check(key)))),
      renew: limiter.renew,
      release: limiter.release,
    }
    let closed = false
    const limit = limitRequests({ limiter: slow, key: () => 'k' })
    const done = vi.fn()
    const url = await listen(
      createServer((request, response) => {
        response.once('close', () => (closed = true))
        void limit(request, response, done)
      }),
    )
    const request = ask(url)
    request.on('error', () => undefined).end()
    await until(() => answers !== undefined)
    request.destroy()
    await until(() => closed)
    answers?.(undefined as never)
    await until(() => done.mock.calls.length === 1)
    await until(() => held(limiter) === 0)
  })

  it('is renewed for as long as the answer takes, and its loss is told', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const result: RateLimitResult = { ...memory(slots).check('k'), lease: { id: 'one', ttlMs: 30_000 } }
      const renew = vi.fn(() => renew.mock.calls.length < 3)
      const release = vi.fn(() => true)
      const lost = vi.fn()
      let sent: ServerResponse | undefined
      const url = await serve(
        { limiter: { check: () => result, renew, release }, key: () => 'k', onLeaseLost: (key) => lost(key) },
        (_, response) => {
          sent = response
          response.write('begun')
        },
      )
      const { response } = await open(url)
      await vi.advanceTimersByTimeAsync(35_000)
      expect([renew.mock.calls.length, lost.mock.calls]).toEqual([3, [['k']]])
      response.resume()
      sent?.end()
      await once(response, 'end')
      await vi.advanceTimersByTimeAsync(120_000)
      expect([renew.mock.calls.length, release.mock.calls]).toEqual([3, []])
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('Express', () => {
  const start = async (app: express.Express): Promise<string> => {
    const server = app.listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  }

  it('takes it as a middleware, several in a row, with what others put on the request', async () => {
    const all = memory({ ...perMinute, limit: 10 })
    const users = memory({ ...perMinute, name: 'user', limit: 2 })
    const app = express()
    const handler = vi.fn()
    app.use(limitRequests({ limiter: all }))
    app.get(
      '/',
      limitRequests<express.Request>({ limiter: users, key: ({ query }) => String(query['as']) }),
      (_, response) => {
        handler()
        response.send('ok')
      },
    )
    const url = await start(app)
    const answers: [number, string | null][] = []
    for (const user of ['ada', 'ada', 'ada', 'ben']) {
      const { status, headers } = await fetch(`${url}?as=${user}`)
      answers.push([status, headers.get('ratelimit')])
    }
    expect(answers).toEqual([
      [200, '"minute";r=9;t=60, "user";r=1;t=60'],
      [200, '"minute";r=8;t=60, "user";r=0;t=60'],
      [429, '"minute";r=7;t=60, "user";r=0;t=60'],
      [200, '"minute";r=6;t=60, "user";r=1;t=60'],
    ])
    expect(handler).toHaveBeenCalledTimes(3)
  })

  it('gets faults by next, and its own handlers’ errors once', async () => {
    const app = express()
    const seen: unknown[] = []
    const bad = new RateLimitError('ERR_RATELIMIT_SCRIPT', 'Redis rejects it')
    app.get('/bad', limitRequests({ limiter: failing(bad) }))
    app.get('/', limitRequests({ limiter: memory(perMinute) }), () => {
      throw new Error('of the handler')
    })
    app.use(((error, _request, response, _next) => {
      seen.push(error)
      response.status(500).end()
    }) as express.ErrorRequestHandler)
    const url = await start(app)
    expect([(await fetch(`${url}bad`)).status, (await fetch(url)).status]).toEqual([500, 500])
    expect(seen).toEqual([bad, new Error('of the handler')])
  })
})

describe('with Redis', () => {
  const redis = useRedis()

  it('counts, holds leases, and says 503 when it is gone', async () => {
    const limits = [perMinute, { ...slots, limit: 1 }]
    const limiter = createRedisRateLimiter({
      url: redis.server.url,
      limits,
      onStoreFailure: 'closed',
      commandTimeoutMs: 3000,
    })
    try {
      await limiter.ready
      let finish: (() => void) | undefined
      const url = await serve({ limiter, policies: limits, key: () => 'k' }, (_, response) => {
        response.write('begun')
        finish = () => response.end()
      })
      const { response } = await open(url)
      expect(response.headers['ratelimit-policy']).toBe('"minute";q=3;w=60, "slots";q=1;qu="concurrent-requests"')
      expect((await fetch(url)).headers.get('ratelimit')).toBe('"slots";r=0')
      finish?.()
      response.resume()
      await vi.waitFor(async () => expect((await limiter.peek('k', { limits: ['slots'] })).allowed).toBe(true), 5000)
      const again = await open(url)
      expect(again.response.headers['ratelimit']).toMatch(/^"slots";r=0$/)
      finish?.()
      again.response.resume()
      await redis.server.kill()
      await until(() => limiter.degraded)
      const down = await fetch(url)
      expect(down.status).toBe(503)
      expect(Number(down.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    } finally {
      await limiter.close()
    }
  }, 20_000)
})

it('problemDetails names each limit that refused, once, and the longest wait', () => {
  const limiter = memory({ ...perMinute, limit: 1 }, { ...perMinute, name: 'hour', windowMs: 3_600_000, limit: 1 })
  const allowed = memory({ ...perMinute, name: 'other' }).check('k')
  limiter.check('k')
  const refusals = ['minute', 'hour', 'hour'].map((name) => limiter.check('k', { limits: [name] }))
  expect(problemDetails([allowed, ...refusals])).toMatchObject({
    detail: 'Too many requests. Try again in 3600 s.',
    'violated-policies': ['minute', 'hour'],
  })
})

it('refuses options that mean nothing', () => {
  const limiter = memory(perMinute)
  const bad: [object, string][] = [
    [{ limiter, keys: () => 'k' }, '"keys"'],
    [{}, 'limiter'],
    [{ limiter: {} }, 'limiter'],
    [{ limiter, key: 'k' }, 'key'],
    [{ limiter, limits: 'minute' }, 'limits'],
    [{ limiter, policies: perMinute }, 'policies'],
    [{ limiter, quotaUnit: 'bananas' }, 'quotaUnit'],
    [{ limiter, onResult: true }, 'onResult'],
    [{ limiter, onLeaseLost: true }, 'onLeaseLost'],
    [{ limiter, partitionKey: 'pk' }, 'partitionKey'],
  ]
  for (const [options, told] of bad) expect(() => limitRequests(options as never)).toThrow(told)
  expect(() => limitRequests(undefined as never)).toThrow(RateLimitError)
})
