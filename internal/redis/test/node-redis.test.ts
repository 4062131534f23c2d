import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import { createCluster as createCluster4 } from 'redis-4'
import { createCluster as createCluster5, createSentinel as createSentinel5 } from 'redis-5'
import { describe, expect, it, vi } from 'vitest'
import { defineScript, openRedis, type RedisClientLike } from '../src/index.ts'
import { nodeRedis, open, outcome, pause, serve } from './support.ts'

const count = defineScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
const echo = defineScript('return { #ARGV[1], ARGV[1] == ARGV[2], 7, false, { "x", 1 } }')

/** What the tests do with a client as its owner. */
interface Owned extends RedisClientLike {
  readonly isOpen: boolean
  connect(): Promise<unknown>
  get(key: string): Promise<unknown>
  set(key: string, value: string): Promise<unknown>
  on(event: string, listener: () => void): unknown
  disconnect(): unknown
}

describe.concurrent.each(nodeRedis)('a client of %s', (_name, create) => {
  it('gives its settings and is left alone', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished, { args: ['--requirepass', 'hush-hush'] })
    const client = create({ url: `redis://:hush-hush@127.0.0.1:${server.port}/3` }) as Owned
    const first = open(onTestFinished, { client })
    await first.link.call('set', 'where', 'here')
    expect(client.isOpen).toBe(false)
    await client.connect()
    expect(await client.get('where')).toBe('here')
    const second = open(onTestFinished, { client })
    expect(await second.link.call('get', 'where')).toBe('here')
    await Promise.all([first.link.close(), second.link.close()])
    expect(client.isOpen).toBe(true)
    expect(await client.set('x', 'y')).toBe('OK')
    await client.disconnect()
  })

  it('runs scripts, also those that Redis has forgotten, with bytes as they are', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    const { link, events } = open(onTestFinished, { client: create({ url: server.url }) })
    expect(await link.eval(count, ['n'], [2])).toBe(2)
    await server.cli('SCRIPT', 'FLUSH')
    const outcomes = await link.evalEach(
      count,
      [1, 'x', 1].map((by) => ({ keys: ['n'], args: [by] })),
    )
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code))).toEqual([
      3,
      'ERR_REDIS_REPLY',
      4,
    ])
    const bytes = Uint8Array.from({ length: 300 }, (_, nth) => nth)
    const part = new Uint8Array(bytes.buffer, 10, 200)
    expect(await link.eval(echo, [], [bytes, bytes])).toEqual([300, 1, 7, null, ['x', 1]])
    expect(await link.eval(echo, [], [part, Buffer.from(part)])).toEqual([200, 1, 7, null, ['x', 1]])
    expect(await link.eval(echo, [], ['äö', 'äö'])).toEqual([4, 1, 7, null, ['x', 1]])
    expect(await link.call('hset', 'h', 'a', 1.5, 'b', 2)).toBe(2)
    expect(await link.call('hgetall', 'h')).toEqual(['a', '1.5', 'b', '2'])
    await expect(link.call('nosuchcommand', 'hush-hush')).rejects.toMatchObject({
      code: 'ERR_REDIS_REPLY',
      fault: 'internal',
      message: expect.not.stringContaining('hush-hush'),
    })
    expect(events).toEqual([])
  })

  it('opens nothing that stays open', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    const connections = async () => String(await server.cli('CLIENT', 'LIST')).match(/name=portcullis/g)?.length ?? 0
    const client = create({ url: server.url })
    const { link } = open(onTestFinished, { client })
    const leave = link.subscribe('c', { message: () => {}, subscribed: () => {} })
    await link.ready
    await vi.waitFor(async () => expect(await connections()).toBe(2))
    for (let round = 0; round < 3; round++) {
      await server.cli('CLIENT', 'KILL', 'TYPE', round ? 'normal' : 'pubsub')
      await pause(150)
    }
    await vi.waitFor(async () => expect(await connections()).toBe(2), { timeout: 3000 })
    await leave()
    await vi.waitFor(async () => expect(await connections()).toBe(1))
    // Also when it is closed in the middle of connecting.
    for (let round = 0; round < 10; round++) {
      const other = openRedis({ client })
      for (let turns = 0; turns < round; turns++) await new Promise((resolve) => setImmediate(resolve))
      await other.close()
    }
    await link.close()
    await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: 3000 })
  })

  it('that is refused says so without the password', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished, { args: ['--requirepass', 'hush-hush'] })
    const wrong = open(onTestFinished, {
      client: create({ url: `redis://default:wrong-wrong@127.0.0.1:${server.port}` }),
    })
    expect(await outcome(wrong.link.call('ping'))).toBe('ERR_REDIS_REFUSED')
    expect(JSON.stringify(wrong.events)).toContain('WRONGPASS')
    expect(JSON.stringify(wrong.events)).not.toContain('wrong-wrong')
    const none = open(onTestFinished, { client: create({ url: server.url }) })
    expect(await outcome(none.link.call('ping'))).toBe('ERR_REDIS_REFUSED')
  })

  it('that leads to a replica is unavailable, until it is none', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    const { link } = open(onTestFinished, { client: create({ url: server.url }) })
    await link.call('set', 'x', 'y')
    await server.cli('REPLICAOF', '127.0.0.1', '1')
    expect(await outcome(link.eval(count, ['n'], [1]))).toBe('ERR_REDIS_UNAVAILABLE')
    await server.cli('REPLICAOF', 'NO', 'ONE')
    await vi.waitFor(async () => expect(await outcome(link.eval(count, ['n'], [1]))).toBe('ok'), { timeout: 5000 })
    expect(await server.cli('GET', 'n')).toBe('1')
  })
})

describe('settings of a client that would change what we get', () => {
  it('are not taken over', async ({ onTestFinished }) => {
    const server = await serve(onTestFinished)
    const client = createClient({
      url: server.url,
      RESP: 3,
      clientSideCache: { maxEntries: 10 },
      keyPrefix: 'mine:',
      commandsQueueMaxLength: 3,
      commandOptions: { typeMapping: { 36: Buffer } },
      pingInterval: 5,
      disableOfflineQueue: false,
    })
    const { link } = open(onTestFinished, { client })
    expect(await Promise.all(Array.from({ length: 20 }, () => link.call('incr', 'n')))).toContain(20)
    expect(await server.cli('GET', 'n')).toBe('20')
    expect(await link.call('get', 'n')).toBe('20')
    expect(await link.call('config', 'get', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction'])
  })
})

describe('of node-redis are refused', () => {
  const nodes = { rootNodes: [{ url: 'redis://127.0.0.1:1' }] }
  const sentinels = { name: 'x', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] }
  it.each([
    ['a Cluster of 6', () => createCluster(nodes)],
    ['a Cluster of 5', () => createCluster5(nodes)],
    ['a Cluster of 4', () => createCluster4(nodes)],
    ['sentinels of 6', () => createSentinel(sentinels)],
  ])('%s', (_name, create) => {
    const client = create() as unknown as RedisClientLike
    expect(() => openRedis({ client })).toThrow(
      expect.objectContaining({ code: 'ERR_REDIS_OPTIONS', message: expect.stringContaining('of ioredis') }),
    )
  })

  it.each([
    ['a pool', () => createClientPool()],
    ['sentinels of 5, which cannot be duplicated', () => createSentinel5(sentinels)],
  ])('%s', (_name, create) => {
    const client = create() as unknown as RedisClientLike
    expect(() => openRedis({ client })).toThrow(expect.objectContaining({ code: 'ERR_REDIS_OPTIONS' }))
  })
})
