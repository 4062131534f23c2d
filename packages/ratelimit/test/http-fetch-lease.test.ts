import { Hono } from 'hono'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import { type HttpLimiter, limitFetch } from '../src/http.ts'
import { createRateLimiter, type Limit } from '../src/index.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

const slots: Limit = { name: 'slots', algorithm: 'concurrency', limit: 100, windowMs: 60_000 }
const key = () => 'k'

const watch = () => {
  const limiter = createRateLimiter({ limits: [slots], clock: () => 0 })
  let released = 0
  const watched: HttpLimiter = {
    check: limiter.check,
    renew: limiter.renew,
    release: (...args) => {
      released++
      return limiter.release(...args)
    },
  }
  const held = () => slots.limit - limiter.peek('k', { cost: 0 }).remaining
  return { watched, held, released: () => released }
}
/** As frameworks call it. */
const serve = (limiter: HttpLimiter, answer: () => Response) => {
  const limited = limitFetch({ limiter, key }, answer)
  const app = new Hono()
  app.all('*', (context) => limited(context.req.raw))
  return app
}

describe('the lease of a HEAD', () => {
  it('is over when the handler has answered, whose body frameworks drop', async () => {
    const { watched, held, released } = watch()
    const app = serve(watched, () => {
      expect(held()).toBe(1)
      return new Response('hello', { headers: { 'x-from': 'handler' } })
    })
    for (let i = 0; i < 10; i++) {
      const response = await app.request('/', { method: 'HEAD' })
      expect([response.status, response.headers.get('x-from'), await response.text()]).toEqual([200, 'handler', ''])
      expect(held()).toBe(0)
    }
    expect([released(), await (await app.request('/')).text(), released()]).toEqual([10, 'hello', 11])
  })

  it('is over when the handler throws', async () => {
    const { watched, held, released } = watch()
    const limited = limitFetch({ limiter: watched, key }, () => Promise.reject(new Error('of the handler')))
    await expect(limited(new Request('http://x/', { method: 'HEAD' }))).rejects.toThrow('of the handler')
    expect([held(), released()]).toEqual([0, 1])
  })

  it('leaves the body to whoever wants it', async () => {
    const { watched } = watch()
    const limited = limitFetch({ limiter: watched, key }, () => new Response('hello'))
    expect(await (await limited(new Request('http://x/', { method: 'HEAD' }))).text()).toBe('hello')
  })
})

describe('the lease of a body that is dropped unread', () => {
  it('is given back once the body is garbage', async () => {
    const { watched, held, released } = watch()
    const limited = limitFetch({ limiter: watched, key }, () => new Response('hello'))
    // As a middleware does that finds the tag unchanged.
    const unchanged = async () =>
      new Response(null, { status: 304, headers: (await limited(new Request('http://x/'))).headers })
    for (let i = 0; i < 10; i++) expect((await unchanged()).status).toBe(304)
    expect(held()).toBe(10)
    await vi.waitFor(() => {
      gc()
      expect(held()).toBe(0)
    }, 10_000)
    expect(released()).toBe(10)
  }, 20_000)

  it('is given back though the context of the server, handed in with the request, keeps the answer', async () => {
    const { watched, held } = watch()
    const limited = limitFetch<[context: { answer?: Response }]>(
      { limiter: watched, key, onResult: () => undefined },
      () => new Response('hello'),
    )
    const drop = async () => {
      const context: { answer?: Response } = {}
      context.answer = await limited(new Request('http://x/'), context)
    }
    for (let i = 0; i < 10; i++) await drop()
    expect(held()).toBe(10)
    await vi.waitFor(() => {
      gc()
      expect(held()).toBe(0)
    }, 10_000)
  }, 20_000)

  it('is held as long as anybody may still read it', async () => {
    const { watched, held, released } = watch()
    const limited = limitFetch({ limiter: watched, key }, () => {
      const parts = ['a', 'b']
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 100))
            const part = parts.shift()
            if (part === undefined) controller.close()
            else controller.enqueue(new TextEncoder().encode(part))
          },
        }),
      )
    })
    const body = (await limited(new Request('http://x/'))).body?.getReader()
    let text = ''
    const reading = (async () => {
      for (;;) {
        const { done, value } = (await body?.read()) ?? { done: true }
        if (done) return
        text += new TextDecoder().decode(value)
      }
    })()
    const collect = setInterval(() => {
      gc()
      if (text !== 'ab') expect(held()).toBe(1)
    }, 10)
    await reading
    clearInterval(collect)
    expect([text, held(), released()]).toEqual(['ab', 0, 1])
    for (let i = 0; i < 5; i++) {
      gc()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(released()).toBe(1)
  })
})
