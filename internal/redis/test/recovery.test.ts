import { createServer, type Server, type Socket } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import type { RedisLink } from '../src/index.ts'
import { back, bound, libraries, open, outcome, pause, proxyTo, serve } from './support.ts'

/** What is promised is 1500 ms. */
const PATIENCE_MS = bound(3000)

/** Resolves when a command is answered; fails when that takes too long after `from`. */
const answersWithin = async (link: RedisLink, from: number): Promise<void> => {
  await back(link)
  expect(await outcome(link.call('ping'))).toBe('ok')
  expect(performance.now() - from).toBeLessThan(PATIENCE_MS)
}

describe.concurrent.each(libraries)('with %s, a server is used soon after it comes back', (_name, create) => {
  it('that refused connections for a while', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    await server.kill()
    const { link } = open(onTestFinished, { client: create(server.url), commandTimeoutMs: 500 })
    expect(await outcome(link.call('ping'))).toBe('ERR_REDIS_UNAVAILABLE')
    await pause(1500)
    await server.restart()
    await answersWithin(link, performance.now())
  })

  it('that was killed and started again', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    const { link, events } = open(onTestFinished, { client: create(server.url), commandTimeoutMs: 500 })
    await link.ready
    await server.kill()
    await vi.waitFor(() => expect(link.state).toBe('down'))
    await server.restart()
    await answersWithin(link, performance.now())
    expect(events.map((event) => event.type)).toEqual(['down', 'up'])
  })

  it.for([500, 1700])('that was frozen for %d ms', async (ms, { onTestFinished }) => {
    const server = await serve(onTestFinished)
    const { link } = open(onTestFinished, { client: create(server.url), commandTimeoutMs: 30 })
    await link.ready
    server.freeze()
    for (let i = 0; i < 3; i++) expect(await outcome(link.call('ping'))).toBe('ERR_REDIS_TIMEOUT')
    expect(link.state).toBe('down')
    await pause(ms)
    server.thaw()
    await answersWithin(link, performance.now())
  })

  it('that was frozen when the first connection was made', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    server.freeze()
    const { link } = open(onTestFinished, { client: create(server.url), commandTimeoutMs: 30 })
    for (let i = 0; i < 3; i++) expect(await outcome(link.call('ping'))).toBe('ERR_REDIS_TIMEOUT')
    await pause(1200)
    server.thaw()
    await answersWithin(link, performance.now())
  })

  it('that hung and was then replaced by another', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    const { link } = open(onTestFinished, { client: create(server.url), commandTimeoutMs: 30 })
    await link.ready
    server.freeze()
    for (let i = 0; i < 3; i++) expect(await outcome(link.call('ping'))).toBe('ERR_REDIS_TIMEOUT')
    await pause(1400)
    await server.restart()
    await answersWithin(link, performance.now())
  })

  it('on a connection that leads nowhere any more, with no end of it in sight', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    const proxy = await proxyTo(onTestFinished, server.port)
    const { link } = open(onTestFinished, { client: create(proxy.url), commandTimeoutMs: 30 })
    await link.ready
    proxy.swallow()
    for (let i = 0; i < 3; i++) expect(await outcome(link.call('ping'))).toBe('ERR_REDIS_TIMEOUT')
    await pause(500)
    proxy.forget()
    await answersWithin(link, performance.now())
  })

  it('that loads its data first', async ({ onTestFinished }) => {
    const loading = loadingServer()
    onTestFinished(loading.stop)
    const url = await loading.listen()
    const { link } = open(onTestFinished, { client: create(url), commandTimeoutMs: 100 })
    for (let i = 0; i < 3; i++) expect(await outcome(link.call('get', 'x'))).not.toBe('ok')
    await pause(600)
    expect(link.state).toBe('down')
    loading.finish()
    await answersWithin(link, performance.now())
  })
})

/** Speaks just enough to say that it loads, and later that it does not. */
const loadingServer = () => {
  let loading = true
  const sockets = new Set<Socket>()
  const answer = (command: string): string => {
    if (command === 'info') {
      const text = `loading:${loading ? 1 : 0}\r\nloading_eta_seconds:1\r\n`
      return `$${text.length}\r\n${text}\r\n`
    }
    if (command === 'client' || command === 'select') return '+OK\r\n'
    return loading ? '-LOADING Redis is loading the dataset in memory\r\n' : '+PONG\r\n'
  }
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      for (const [, command = ''] of String(chunk).matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        socket.write(answer(command.toLowerCase()))
      }
    })
  })
  return {
    listen: () =>
      new Promise<string>((resolve) => {
        server.listen(0, '127.0.0.1', () => {
          resolve(`redis://127.0.0.1:${(server.address() as { port: number }).port}`)
        })
      }),
    finish: () => {
      loading = false
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe.concurrent('a subscription', () => {
  const listen = (link: RedisLink) => {
    const heard: string[] = []
    let subscribed = 0
    const leave = link.subscribe('c', { message: (text) => heard.push(text), subscribed: () => subscribed++ })
    return { heard, leave, times: () => subscribed }
  }

  it.for(libraries)(
    'of %s hears again after its connection was cut or leads nowhere',
    async ([, create], { onTestFinished }) => {
      const server = await serve(onTestFinished)
      const proxy = await proxyTo(onTestFinished, server.port)
      const { link } = open(onTestFinished, { client: create(proxy.url) })
      const { heard, leave, times } = listen(link)
      await vi.waitFor(() => expect(times()).toBe(1), { timeout: 5000 })
      await server.cli('PUBLISH', 'c', 'one')
      await vi.waitFor(() => expect(heard).toEqual(['one']))
      await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await vi.waitFor(() => expect(times()).toBe(2), { timeout: 5000 })
      await server.cli('PUBLISH', 'c', 'two')
      await vi.waitFor(() => expect(heard).toEqual(['one', 'two']))
      proxy.swallow()
      proxy.forget()
      await vi.waitFor(() => expect(times()).toBe(3), { timeout: 10_000 })
      await server.cli('PUBLISH', 'c', 'three')
      await vi.waitFor(() => expect(heard).toEqual(['one', 'two', 'three']))
      await leave()
      await vi.waitFor(async () => expect(await server.cli('PUBLISH', 'c', 'four')).toBe(0))
    },
  )

  it('begun while the server hangs hears as soon as it does not', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    server.freeze()
    const { link } = open(onTestFinished, { url: server.url, commandTimeoutMs: 100 })
    const { leave, times } = listen(link)
    await pause(500)
    expect(times()).toBe(0)
    server.thaw()
    await vi.waitFor(() => expect(times()).toBe(1), { timeout: PATIENCE_MS })
    await leave()
  })
})
