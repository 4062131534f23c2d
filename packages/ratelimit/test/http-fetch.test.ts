import { Hono } from 'hono'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { addressKey, type HttpLimiter, limitFetch, RateLimitError } from '../src/http.ts'
import { createRateLimiter, type Limit } from '../src/index.ts'

const perMinute: Limit = { name: 'minute', algorithm: 'window', limit: 2, windowMs: 60_000 }
const slots: Limit = { name: 'slots', algorithm: 'concurrency', limit: 1, windowMs: 60_000 }
const memory = (...limits: Limit[]) => createRateLimiter({ limits, clock: () => 0 })
const key = () => 'k'
const get = (init?: RequestInit) => new Request('http://example.com/', init)
const releases = vi.fn()
afterEach(() => void releases.mockClear())

/** One slot, that tells what is given back. */
const one = () => {
  const limiter = memory(slots)
  const watched: HttpLimiter = {
    check: limiter.check,
    renew: limiter.renew,
    release: (...args) => {
      releases()
      return limiter.release(...args)
    },
  }
  return { watched, free: () => limiter.peek('k').allowed }
}

describe('limitFetch', () => {
  it('answers with the fields, then with a 429, and hands on whatever comes besides the request', async () => {
    const handler = vi.fn((_request: Request, who: string, _more: number) => new Response(`hello ${who}`))
    const limited = limitFetch(
      { limiter: memory(perMinute), key: (_request, who) => who, policies: [perMinute] },
      handler,
    )
    const request = get()
    const first = await limited(request, 'ada', 7)
    expect(handler).toHaveBeenCalledWith(request, 'ada', 7)
    expect([first.status, await first.text(), first.headers.get('ratelimit')]).toEqual([
      200,
      'hello ada',
      '"minute";r=1;t=60',
    ])
    await limited(get(), 'ada', 7)
    const refused = await limited(get(), 'ada', 7)
    expect(Object.fromEntries(refused.headers)).toEqual({
      'content-type': 'application/problem+json',
      ratelimit: '"minute";r=0;t=60',
      'ratelimit-policy': '"minute";q=2;w=60',
      'retry-after': '60',
    })
    expect([refused.status, await refused.json()]).toMatchObject([429, { 'violated-policies': ['minute'] }])
    expect((await limited(get(), 'ben', 7)).status).toBe(200)
    expect(handler).toHaveBeenCalledTimes(3)
  })

  it('serves a Hono app', async () => {
    const app = new Hono()
    app.get('/', (context) => context.text('hono'))
    const limited = limitFetch<[env: { address: string }]>(
      { limiter: memory(perMinute), key: (_request, { address }) => addressKey(address) },
      (request, env) => app.fetch(request, env),
    )
    const from = async (address: string) => (await limited(get(), { address })).status
    expect([
      await from('2001:db8::1'),
      await from('2001:db8::2'),
      await from('2001:db8::3'),
      await from('10.0.0.1'),
    ]).toEqual([200, 200, 429, 200])
  })

  it('counts nothing without a key, but wants one to be thought of', async () => {
    const limited = limitFetch({ limiter: memory(perMinute), key: () => undefined }, () => new Response())
    for (let i = 0; i < 4; i++) expect((await limited(get())).headers.has('ratelimit')).toBe(false)
    expect(() => limitFetch({ limiter: memory(perMinute) } as never, () => new Response())).toThrow('key')
  })

  it('writes the fields to answers whose headers are read-only, and leaves alone what cannot be written to', async () => {
    const limiter = memory({ ...perMinute, limit: 10 })
    const redirected = await limitFetch({ limiter, key }, () => Response.redirect('http://example.com/there', 303))(
      get(),
    )
    expect([redirected.status, redirected.headers.get('location'), redirected.headers.get('ratelimit')]).toEqual([
      303,
      'http://example.com/there',
      '"minute";r=9;t=60',
    ])
    const failed = Response.error()
    expect(await limitFetch({ limiter, key }, () => failed)(get())).toBe(failed)
  })

  it('says 503 when the store is down, throws every other fault, and never calls the handler then', async () => {
    const handler = vi.fn(() => new Response())
    const failing = (error: Error) =>
      limitFetch(
        { limiter: { check: () => Promise.reject(error), renew: () => false, release: () => false }, key },
        handler,
      )
    const down = await failing(new RateLimitError('ERR_RATELIMIT_STORE', 'x', { retryAfterMs: 1001 }))(get())
    expect([down.status, down.headers.get('retry-after')]).toEqual([503, '2'])
    const script = new RateLimitError('ERR_RATELIMIT_SCRIPT', 'x')
    await expect(failing(script)(get())).rejects.toBe(script)
    expect(handler).not.toHaveBeenCalled()
  })
})

describe('a lease', () => {
  const stream = (...parts: string[]) =>
    new ReadableStream({
      pull(controller) {
        const part = parts.shift()
        if (part === undefined) controller.close()
        else if (part === 'fail') controller.error(new Error('torn'))
        else controller.enqueue(new TextEncoder().encode(part))
      },
    })

  it('is given back when the body was read to its end', async () => {
    const { watched, free } = one()
    const limited = limitFetch({ limiter: watched, key }, () => new Response(stream('a', 'b'), { status: 201 }))
    const response = await limited(get())
    const busy = await limited(get())
    expect([response.status, busy.status]).toEqual([201, 429])
    expect([await response.text(), free()]).toEqual(['ab', true])
    expect(releases).toHaveBeenCalledOnce()
    expect((await limited(get())).status).toBe(201)
  })

  it('is given back when the body is cancelled, and so is the body of the handler', async () => {
    const { watched, free } = one()
    const cancel = vi.fn()
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1)), cancel })
    const response = await limitFetch({ limiter: watched, key }, () => new Response(endless))(get())
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    await reader.read()
    expect(free()).toBe(false)
    await reader.cancel('enough')
    expect([free(), cancel.mock.calls]).toEqual([true, [['enough']]])
    expect(releases).toHaveBeenCalledOnce()
  })

  it('is given back when the body fails, and the failure is passed on', async () => {
    const { watched, free } = one()
    const response = await limitFetch({ limiter: watched, key }, () => new Response(stream('a', 'fail')))(get())
    await expect(response.text()).rejects.toThrow('torn')
    expect([free(), releases.mock.calls.length]).toEqual([true, 1])
  })

  it('is given back when the caller goes away, whoever reads on', async () => {
    const { watched, free } = one()
    const caller = new AbortController()
    const limited = limitFetch({ limiter: watched, key }, () => new Response(stream('a', 'b')))
    const response = await limited(get({ signal: caller.signal }))
    caller.abort()
    expect(free()).toBe(true)
    expect(await response.text()).toBe('ab')
    await limited(get({ signal: AbortSignal.abort() }))
    expect([free(), releases.mock.calls.length]).toEqual([true, 2])
  })

  it('is given back when the handler throws, or answers without a body, or with one that is already read', async () => {
    const { watched, free } = one()
    const answers: (() => Response | Promise<Response>)[] = [
      () => Promise.reject(new Error('of the handler')),
      () => new Response(null, { status: 204 }),
      () => Response.error(),
    ]
    const limited = limitFetch({ limiter: watched, key }, () => (answers.shift() as () => Response)())
    await expect(limited(get())).rejects.toThrow('of the handler')
    expect([(await limited(get())).status, free()]).toEqual([204, true])
    expect([(await limited(get())).status, free()]).toEqual([0, true])
    const used = new Response('x')
    await used.text()
    const again = await limitFetch({ limiter: watched, key }, () => used)(get())
    expect([again.bodyUsed, free(), releases.mock.calls.length]).toEqual([true, true, 4])
  })
})
