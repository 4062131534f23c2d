import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, request as ask, type Server } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type HttpLimiter, limitRequests, RateLimitError } from '../src/http.ts'
import { createRateLimiter, type Limit, type RateLimitResult } from '../src/index.ts'

const slots: Limit = { name: 'slots', algorithm: 'concurrency', limit: 100, windowMs: 60_000 }
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const key = () => 'k'
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const until = (what: () => boolean) => vi.waitFor(() => expect(what()).toBe(true), 5000)

const servers: Server[] = []
const clients: Socket[] = []
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

const listen = async (listener: RequestListener): Promise<number> => {
  const server = createServer(listener)
  servers.push(server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
/** Sends whatever it is told, many requests at once. */
const send = (port: number, text: string) => {
  const socket = connect(port, '127.0.0.1')
  clients.push(socket)
  let got = ''
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => (got += String(chunk)))
  socket.write(text)
  return { socket, got: () => got }
}

/** A limiter that counts what is given back, and answers when it is told to. */
const watch = (options: { readonly slow?: boolean } = {}) => {
  const limiter = createRateLimiter({ limits: [slots], clock: () => 0 })
  const released: string[] = []
  let answer = (): void => undefined
  const gate = options.slow ? new Promise<void>((resolve) => (answer = resolve)) : undefined
  const watched: HttpLimiter = {
    check: (...args) => (gate === undefined ? limiter.check(...args) : gate.then(() => limiter.check(...args))),
    renew: limiter.renew,
    release: (...args) => {
      released.push(args[1])
      return limiter.release(...args)
    },
  }
  const held = () => slots.limit - limiter.peek('k', { cost: 0 }).remaining
  return { limit: limitRequests({ limiter: watched, key }), released, held, answer }
}

describe('pipelined requests', () => {
  it('give back every lease, once, when their client leaves while the first is at work', async () => {
    const { limit, held, released } = watch()
    const warnings = vi.fn()
    process.on('warning', warnings)
    const port = await listen((request, response) => void limit(request, response))
    const { socket } = send(port, GET.repeat(50))
    await until(() => held() === 50)
    socket.destroy()
    await until(() => held() === 0)
    await pause(50)
    process.off('warning', warnings)
    expect([released.length, new Set(released).size]).toEqual([50, 50])
    expect(warnings).not.toHaveBeenCalled()
  })

  it('give back the leases of those that were answered meanwhile, too', async () => {
    const { limit, held, released } = watch()
    let handled = 0
    const port = await listen(async (request, response) => {
      if (!(await limit(request, response))) return
      await pause(100)
      response.end('late')
      handled++
    })
    const { socket } = send(port, GET.repeat(10))
    await until(() => held() === 10)
    socket.destroy()
    await until(() => handled === 10 && held() === 0)
    expect(released).toHaveLength(10)
  })

  it('give back the leases that they got only when their client was gone', async () => {
    const { limit, held, released, answer } = watch({ slow: true })
    const went: boolean[] = []
    let closed = false
    const port = await listen((request, response) => {
      request.socket.once('close', () => (closed = true))
      void limit(request, response).then((goesOn) => went.push(goesOn))
    })
    const { socket } = send(port, GET.repeat(5))
    await pause(50)
    socket.destroy()
    await until(() => closed)
    answer()
    await until(() => went.length === 5)
    expect([held(), released.length, went]).toEqual([0, 5, Array(5).fill(true)])
  })

  it('hold their leases until each is answered, and leave no listener on a connection that stays', async () => {
    const { limit, held } = watch()
    const answers: (() => void)[] = []
    let connection: Socket | undefined
    const listeners = () => connection?.listenerCount('close')
    const port = await listen((request, response) => {
      connection = request.socket
      if (request.url === '/free') response.end('ok')
      else void limit(request, response).then(() => answers.push(() => response.end('ok')))
    })
    const { socket, got } = send(port, GET.replace('/', '/free'))
    const answered = (count: number) => until(() => got().split('200 OK').length === count + 1)
    await answered(1)
    const idle = listeners() as number
    socket.write(GET.repeat(3))
    await until(() => answers.length === 3)
    // One is that of Node itself.
    expect(listeners()).toBe(idle + 2)
    // Answered out of turn: what waits has not been sent.
    answers[2]?.()
    await pause(50)
    expect(held()).toBe(3)
    answers[0]?.()
    await until(() => held() === 2)
    answers[1]?.()
    await until(() => held() === 0)
    await answered(4)
    expect([connection?.destroyed, listeners()]).toEqual([false, idle])
    socket.write(GET)
    await until(() => held() === 1)
    socket.destroy()
    await until(() => held() === 0)
  })
})

it('gives a lease of HTTP/2 back when its stream is answered, and when its session is torn', async () => {
  const { limit, held, released } = watch()
  let answer = true
  const server = createHttp2Server((request, response) => {
    const goesOn = limit(request as unknown as IncomingMessage, response as never)
    void goesOn.then(() => answer && response.end('ok'))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  session.on('error', () => undefined)
  const ask = () => {
    const stream = session.request({ ':path': '/' })
    stream.on('error', () => undefined).resume()
    return stream
  }
  try {
    await once(ask(), 'end')
    await until(() => released.length === 1)
    expect(held()).toBe(0)
    answer = false
    for (let i = 0; i < 3; i++) ask()
    await until(() => held() === 3)
    session.destroy()
    await until(() => held() === 0)
    expect(released).toHaveLength(4)
  } finally {
    session.destroy()
    server.close()
  }
})

describe('a refusal that comes when somebody else has answered', () => {
  const refused: RateLimitResult = {
    ...createRateLimiter({ limits: [slots] }).check('k', { cost: 0 }),
    allowed: false,
    policy: 'slots',
  }
  const down = new RateLimitError('ERR_RATELIMIT_STORE', 'down')
  const late = (what: RateLimitResult | Error) => {
    let answer = (): void => undefined
    const result = new Promise<RateLimitResult>((resolve, reject) => {
      answer = () => (what instanceof Error ? reject(what) : resolve(what))
    })
    const limit = limitRequests({ limiter: { check: () => result, renew: () => true, release: () => true }, key })
    return { limit, answer }
  }

  it.each([
    ['a 429', refused],
    ['a 503', down],
  ])('(%s) writes nothing into an answer under way', async (_name, what) => {
    const { limit, answer } = late(what)
    const goesOn: boolean[] = []
    const port = await listen((request, response) => {
      response.writeHead(200)
      response.write('part one, ')
      void limit(request, response).then((allowed) => {
        goesOn.push(allowed)
        expect(response.writableEnded).toBe(false)
        response.end('part two')
      })
      answer()
    })
    const response = await fetch(`http://127.0.0.1:${port}/`)
    expect([response.status, await response.text(), goesOn]).toEqual([200, 'part one, part two', [false]])
  })

  it.each([
    ['a 429', refused],
    ['a 503', down],
  ])('(%s) leaves alone an answer that has ended, also when nobody has read it', async (_name, what) => {
    const { limit, answer } = late(what)
    const errors = vi.fn()
    const next = vi.fn()
    const goesOn: boolean[] = []
    const port = await listen((request, response) => {
      response.on('error', errors)
      response.end(Buffer.alloc(20_000_000))
      void limit(request, response, next).then((allowed) => goesOn.push(allowed))
      answer()
    })
    const request = ask(`http://127.0.0.1:${port}/`)
    request.on('error', () => undefined).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    await until(() => goesOn.length === 1)
    await pause(50)
    let length = 0
    for await (const chunk of response) length += (chunk as Buffer).length
    expect([response.statusCode, response.headers['retry-after'], length]).toEqual([200, undefined, 20_000_000])
    expect([goesOn, errors.mock.calls, next.mock.calls]).toEqual([[false], [], []])
  })
})
