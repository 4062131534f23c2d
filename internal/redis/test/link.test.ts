import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis-5'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RedisServer, startRedis } from '../../testing/src/index.ts'
import {
  defineScript,
  openRedis,
  type RedisClientLike,
  type RedisLink,
  type RedisLinkEvent,
  redisProblems,
} from '../src/index.ts'
import type { RedisLinkOptions } from '../src/options.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const links: RedisLink[] = []
afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.close()))
})

const open = (options: Partial<RedisLinkOptions> = {}) => {
  const events: RedisLinkEvent[] = []
  const link = openRedis({
    url: server.url,
    commandTimeoutMs: 2000,
    onEvent: (event) => events.push(event),
    ...options,
  })
  links.push(link)
  return { link, events }
}
const back = (link: RedisLink) => vi.waitFor(() => expect(link.state).toBe('ready'), { timeout: 5000, interval: 10 })
const count = defineScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")

describe('commands', () => {
  it('wait for the first connection and no other', async () => {
    const { link, events } = open()
    expect(link.state).toBe('connecting')
    expect(await link.call('ping')).toBe('PONG')
    await link.ready
    expect([link.state, events]).toEqual(['ready', []])
  })

  it('run scripts, also those that Redis has forgotten, once each', async () => {
    const { link } = open()
    await server.cli('DEL', 'n', 'm')
    expect(await link.eval(count, ['n'], [2])).toBe(2)
    await server.cli('SCRIPT', 'FLUSH')
    expect(await link.eval(count, ['n'], [2])).toBe(4)
    await server.cli('SCRIPT', 'FLUSH')
    const calls = [
      { keys: ['n'], args: [1] },
      { keys: ['m'], args: [1] },
      { keys: ['n'], args: ['x'] },
      { keys: ['n'], args: [1] },
    ]
    const outcomes = await link.evalEach(count, calls)
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code))).toEqual([
      5,
      1,
      'ERR_REDIS_REPLY',
      6,
    ])
  })

  it('answer an error of the command as the fault it is, without its arguments', async () => {
    const { link } = open()
    await expect(link.call('nosuchcommand', 'hush-hush')).rejects.toMatchObject({
      code: 'ERR_REDIS_REPLY',
      fault: 'internal',
      message: expect.not.stringContaining('hush-hush'),
    })
    await expect(link.eval(defineScript('return nothing()'), [], [])).rejects.toMatchObject({ fault: 'internal' })
    expect(link.state).toBe('ready')
  })

  it('take bytes as they are', async () => {
    const { link } = open()
    const bytes = Uint8Array.from({ length: 300 }, (_, nth) => nth)
    const part = new Uint8Array(bytes.buffer, 10, 200)
    const same = defineScript("return redis.call('GET', KEYS[1]) == ARGV[1] and #ARGV[1] or -1")
    await link.call('set', 'bytes', bytes)
    await link.call('set', 'part', part)
    const calls = [
      { keys: ['bytes'], args: [Buffer.from(bytes)] },
      { keys: ['part'], args: [Buffer.from(part)] },
      { keys: ['part'], args: [part] },
      { keys: ['part'], args: [bytes] },
    ]
    const outcomes = await link.evalEach(same, calls)
    expect(outcomes.map((one) => one.status === 'fulfilled' && one.value)).toEqual([300, 200, 200, -1])
    expect(await link.eval(same, ['bytes'], [bytes])).toBe(300)
  })

  it('after close reject, as does ready', async () => {
    const { link } = open()
    await link.close()
    await expect(link.call('ping')).rejects.toMatchObject({ code: 'ERR_REDIS_CLOSED', fault: 'unavailable' })
    await expect(link.ready).rejects.toMatchObject({ code: 'ERR_REDIS_CLOSED' })
    await link.close()
    const connections = async () =>
      Number(/total_connections_received:(\d+)/.exec(String(await server.cli('INFO', 'stats')))?.[1])
    const before = await connections()
    const leave = link.subscribe('c', { message: () => {}, subscribed: () => {} })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await connections()).toBe(before + 1)
    await leave()
  })

  it('of a process that was busy take the answer that is in the socket', async () => {
    const { link, events } = open({ commandTimeoutMs: 20 })
    await link.call('ping')
    const answer = link.call('ping')
    await new Promise((resolve) => setImmediate(resolve))
    for (const begun = performance.now(); performance.now() - begun < 150; );
    expect(await answer).toBe('PONG')
    expect(events).toEqual([])
  })
})

describe('a client of the caller', () => {
  it('gives its settings and is left alone', async () => {
    const client = new Redis(server.port, { db: 3, keyPrefix: 'mine:', lazyConnect: true })
    const { link } = open({ url: undefined, client })
    await link.call('set', 'where', 'here')
    expect(await server.cli('EXISTS', 'where')).toBe(0)
    await link.close()
    expect(client.status).toBe('wait')
    await client.connect()
    expect(await client.call('get', 'where')).toBe(null)
    expect(await client.set('x', '1')).toBe('OK')
    client.disconnect()
  })

  it.each([
    ['6', (options: object): RedisClientLike => new Redis(options)],
    ['5', (options: object): RedisClientLike => new Redis5(options)],
  ])('of ioredis %s has settings that would change what we get: those are not taken over', async (_version, create) => {
    const client = create({
      port: server.port,
      lazyConnect: true,
      keyPrefix: 'mine:',
      stringNumbers: true,
      enableAutoPipelining: true,
      commandTimeout: 1,
      maxRetriesPerRequest: null,
      role: 'slave',
      reconnectOnError: () => 2,
      retryStrategy: () => null,
      protocol: 3,
      replyMapping: 'resp3',
    })
    const { link, events } = open({ url: undefined, client })
    await server.cli('DEL', 'plain', 'queue')
    const incremented = await Promise.all(Array.from({ length: 20 }, () => link.call('incr', 'plain')))
    expect(incremented).toContain(20)
    expect(await server.cli('GET', 'plain')).toBe('20')
    expect(await link.call('config', 'get', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction'])
    expect(await link.call('blpop', 'queue', 0.05)).toBe(null)
    await expect(link.call('incr', 'x', 'y')).rejects.toMatchObject({ code: 'ERR_REDIS_REPLY' })
    await server.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    await vi.waitFor(() => expect(events.map((event) => event.type)).toEqual(['down', 'up']))
    expect(await link.call('incr', 'plain')).toBe(21)
  })

  it('that queues and sends again makes no connection that does', async () => {
    const client = new Redis(server.port)
    const { link } = open({ url: undefined, client, commandTimeoutMs: 10_000 })
    await link.ready
    await server.cli('DEL', 'queue')
    const lost = link.call('blpop', 'queue', 0).catch((error: { code: string }) => error.code)
    await vi.waitFor(async () => expect(await server.cli('INFO', 'clients')).toContain('blocked_clients:1'))
    await server.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    expect(await lost).toBe('ERR_REDIS_UNAVAILABLE')
    await back(link)
    await server.cli('RPUSH', 'queue', 'not for whoever asked before')
    await link.call('ping')
    expect(await server.cli('LLEN', 'queue')).toBe(1)
    client.disconnect()
  })
})

describe('subscribe', () => {
  it('hears messages, and again after its connection was cut', async () => {
    const { link } = open()
    const heard: string[] = []
    let subscriptions = 0
    const leave = link.subscribe('c', {
      message: (text) => heard.push(text),
      subscribed: () => subscriptions++,
    })
    await vi.waitFor(() => expect(subscriptions).toBe(1))
    await server.cli('PUBLISH', 'c', 'one')
    await vi.waitFor(() => expect(heard).toEqual(['one']))
    await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await vi.waitFor(() => expect(subscriptions).toBe(2), { timeout: 5000 })
    await server.cli('PUBLISH', 'c', 'two')
    await vi.waitFor(() => expect(heard).toEqual(['one', 'two']))
    await leave()
    expect(await server.cli('PUBLISH', 'c', 'three')).toBe(0)
  })
})

describe('redisProblems', () => {
  it('sees an eviction policy that drops keys, and a server that is not there', async () => {
    const { link } = open()
    expect(await redisProblems(link)).toEqual([])
    await server.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    expect(await redisProblems(link)).toEqual([expect.stringContaining('"allkeys-lru"')])
    await server.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    await link.close()
    expect(await redisProblems(link)).toHaveLength(1)
  })
})
