import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RedisCluster, startRedisCluster } from '../../testing/src/index.ts'
import { defineScript } from '../src/index.ts'
import { count, increments, nodesOf, read } from './cluster-support.ts'
import { bound, clusters, open, outcome, pause } from './support.ts'

const countBoth = defineScript("redis.call('INCR', KEYS[1]) return redis.call('INCR', KEYS[2])")

let cluster: RedisCluster

describe.each(clusters)('a Cluster by %s', (_name, create) => {
  beforeAll(async () => {
    cluster = await startRedisCluster()
  }, 60_000)
  afterAll(() => cluster.stop())

  it('runs scripts all over the slots, also when its nodes have forgotten them', async ({ onTestFinished }) => {
    const { link, events } = open(onTestFinished, { client: create(nodesOf(cluster)) })
    const keys = Array.from({ length: 300 }, (_, nth) => `spread ${nth}`)
    const calls = keys.map((key) => ({ keys: [key], args: [1] }))
    for (let round = 1; round <= 3; round++) {
      const outcomes = await link.evalEach(count, calls)
      expect(outcomes).toEqual(keys.map(() => ({ status: 'fulfilled', value: round })))
      await Promise.all(cluster.nodes.map((node) => node.cli('SCRIPT', 'FLUSH')))
    }
    const owners = new Set(await Promise.all(keys.map((key) => cluster.ownerOf(cluster.slotOf(key)))))
    expect(owners.size).toBe(3)
    expect(await link.eval(count, ['one'], [5])).toBe(5)
    expect(events).toEqual([])
  })

  it('gives each of many an outcome of its own, and bytes as they are', async ({ onTestFinished }) => {
    const { link } = open(onTestFinished, { client: create(nodesOf(cluster)) })
    const bytes = Uint8Array.from({ length: 256 }, (_, nth) => nth)
    await link.call('set', 'bytes', bytes)
    const equal = defineScript("return redis.call('GET', KEYS[1]) == ARGV[1] and #ARGV[1] or -1")
    await link.call('set', 'text', 'x')
    const outcomes = await link.evalEach(count, [
      { keys: ['fine'], args: [1] },
      { keys: ['text'], args: [1] },
      { keys: ['a', 'b'], args: [1] },
    ])
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code))).toEqual([
      1,
      'ERR_REDIS_REPLY',
      'ERR_REDIS_REPLY',
    ])
    expect(await link.eval(equal, ['bytes'], [bytes.subarray(0)])).toBe(256)
    expect(link.state).toBe('ready')
  })

  it('loses and doubles nothing while slots move', { timeout: 60_000 }, async ({ onTestFinished }) => {
    const { link, events } = open(onTestFinished, { client: create(nodesOf(cluster)) })
    await link.ready
    const keys = Array.from({ length: 6 }, (_, nth) => `{moving}${nth}`)
    const slot = cluster.slotOf('{moving}')
    const streams = keys.map((key) => increments(link, key))
    for (let round = 0; round < 12; round++) {
      const owner = await cluster.ownerOf(slot)
      await pause(10)
      await cluster.moveSlot(slot, (owner + 1) % 3)
    }
    await pause(50)
    for (const [nth, stream] of streams.entries()) {
      const { sent, answered, codes } = await stream.end()
      expect(codes).toEqual(new Map())
      expect(await read(link, keys[nth] as string)).toBe(sent)
      expect(answered).toBe(sent)
    }
    expect(events).toEqual([])
  })

  it('asks the other node while a slot is half moved', { timeout: 30_000 }, async ({ onTestFinished }) => {
    const { link } = open(onTestFinished, { client: create(nodesOf(cluster)), commandTimeoutMs: 1000 })
    const slot = cluster.slotOf('{half}')
    const keys = Array.from({ length: 10 }, (_, nth) => `{half}${nth}`)
    for (const key of keys) await link.eval(count, [key], [1])
    const owner = await cluster.ownerOf(slot)
    const move = await cluster.beginMove(slot, (owner + 1) % 3)
    expect(await move.moveKeys(5)).toBe(5)
    await Promise.all(cluster.nodes.map((node) => node.cli('SCRIPT', 'FLUSH')))
    const outcomes = await link.evalEach(
      count,
      [...keys, '{half}new'].map((key) => ({ keys: [key], args: [1] })),
    )
    expect(outcomes.map((one) => one.status === 'fulfilled' && one.value)).toEqual([...Array(10).fill(2), 1])

    // One key here and one there can be had nowhere: it is refused and tried again, not for longer than the deadline.
    const left = (await cluster.nodes[owner]?.cli('CLUSTER', 'GETKEYSINSLOT', slot, 10)) as string[]
    const here = left[0] as string
    const there = keys.find((key) => !left.includes(key)) as string
    expect(left).toHaveLength(5)
    const begun = performance.now()
    expect(await outcome(link.eval(countBoth, [here, there], []))).toMatch(/UNAVAILABLE|TIMEOUT/)
    expect(performance.now() - begun).toBeLessThan(bound(2000))
    const soon = link.eval(countBoth, [here, there], [])
    await move.finish()
    expect(await soon).toBe(3)
    expect(await read(link, here)).toBe(3)
  })

  it('hears messages whichever node they are published at', async ({ onTestFinished }) => {
    const { link } = open(onTestFinished, { client: create(nodesOf(cluster)) })
    const heard: string[] = []
    let subscribed = 0
    const leave = link.subscribe('c', { message: (text) => heard.push(text), subscribed: () => subscribed++ })
    await vi.waitFor(() => expect(subscribed).toBe(1), { timeout: 5000 })
    for (const nth of [0, 1, 2]) await cluster.cli(nth, 'PUBLISH', 'c', nth)
    await vi.waitFor(() => expect(heard.sort()).toEqual(['0', '1', '2']))
    await Promise.all(cluster.nodes.map((node) => node.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')))
    await vi.waitFor(() => expect(subscribed).toBe(2), { timeout: 5000 })
    await cluster.cli(0, 'PUBLISH', 'c', 'again')
    await vi.waitFor(() => expect(heard).toContain('again'))
    await leave()
  })

  it('that is not there, or refuses the credentials, says so', async ({ onTestFinished }) => {
    const { link } = open(onTestFinished, { client: create([{ host: '127.0.0.1', port: 1 }]) })
    expect(await outcome(link.call('ping'))).toBe('ERR_REDIS_UNAVAILABLE')
    for (const node of cluster.nodes) await node.cli('CONFIG', 'SET', 'requirepass', 'hush-hush')
    const refused = open(onTestFinished, { client: create(nodesOf(cluster)) })
    expect(await outcome(refused.link.call('ping'))).toBe('ERR_REDIS_REFUSED')
    const given = create(nodesOf(cluster)) as { options?: { redisOptions?: object } }
    given.options = { ...given.options, redisOptions: { password: 'hush-hush' } }
    const good = open(onTestFinished, { client: given as never })
    expect(await outcome(good.link.eval(count, ['secret'], [1]))).toBe('ok')
    expect(JSON.stringify(refused.events)).not.toContain('hush-hush')
  })
})
