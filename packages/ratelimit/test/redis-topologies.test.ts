import { randomUUID } from 'node:crypto'
import {
  type RedisCluster,
  type RedisSentinel,
  startRedisCluster,
  startRedisSentinel,
} from '@portcullis-internal/testing'
import { Cluster, Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Limit } from '../src/index.ts'
import { createRedisRateLimiter, type RedisRateLimiter, type RedisRateLimiterOptions } from '../src/redis.ts'
import { concurrency, gcra, limit } from './conformance.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})
const limits: Limit[] = [limit('m', 50, 3_600_000), gcra('g', 60, 366 * 86_400_000), concurrency('c', 1000, 3_600_000)]
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const create = (client: Redis | Cluster, options: Partial<RedisRateLimiterOptions> = {}): RedisRateLimiter => {
  client.on('error', () => {})
  const limiter = createRedisRateLimiter({
    client,
    limits,
    namespace: randomUUID(),
    commandTimeoutMs: 5000,
    onStoreFailure: 'closed',
    cacheRefusalsMs: 0,
    ...options,
  })
  ends.push(
    () => limiter.close(),
    () => client.disconnect(),
  )
  return limiter
}

/** Asks for as many keys as given, over and over, and notes how often each was allowed and how often that is not known. */
const load = (limiter: RedisRateLimiter, keys: readonly string[]) => {
  const seen = keys.map(() => ({ allowed: 0, unknown: 0 }))
  const slowest = { ms: 0 }
  let going = true
  const one = async (index: number) => {
    while (going) {
      const begun = performance.now()
      const outcome = await limiter.check(keys[index] as string, { limits: ['m', 'g'] }).catch(() => undefined)
      slowest.ms = Math.max(slowest.ms, performance.now() - begun)
      const counts = seen[index] as { allowed: number; unknown: number }
      if (outcome === undefined || outcome.degraded) counts.unknown++
      else if (outcome.allowed) counts.allowed++
      await pause(outcome === undefined ? 2 : 0)
    }
  }
  const done = Promise.all(keys.map((_key, index) => one(index)))
  return {
    seen,
    slowest,
    end: async () => {
      going = false
      await done
      return seen
    },
  }
}

describe('a Cluster of three', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startRedisCluster()
  }, 60_000)
  afterAll(() => cluster.stop())
  const client = () => new Cluster(cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })))

  it('holds the limit of every caller, whichever node has it, for all who share it', async () => {
    const namespace = randomUUID()
    const both = [create(client(), { namespace }), create(client(), { namespace })]
    const keys = Array.from({ length: 60 }, (_, i) => `caller ${i}`)
    const checks = Array.from({ length: 70 }, (_, i) =>
      keys.map((key) => (both[i % 2] as RedisRateLimiter).check(key, { limits: ['m', 'g'] })),
    )
    const results = await Promise.all(checks.map((some) => Promise.all(some)))
    for (const index of keys.keys()) expect(results.filter((some) => some[index]?.allowed)).toHaveLength(50)
    const { lease } = await (both[0] as RedisRateLimiter).check('caller 0', { limits: ['c'] })
    expect(await both[1]?.renew('caller 0', lease?.id as string)).toBe(true)
    expect(await both[1]?.release('caller 0', lease?.id as string)).toBe(true)
    await both[0]?.reset('caller 1')
    expect((await both[1]?.peek('caller 1', { cost: 0 }))?.remaining).toBe(50)
  }, 60_000)

  it('a slot that moves under load: nobody is admitted twice, nothing is refused for it', async () => {
    const namespace = randomUUID()
    const limiter = create(client(), { namespace })
    const keys = Array.from({ length: 30 }, (_, i) => `moving ${i}`)
    await limiter.check(keys[0] as string, { limits: ['m'] })
    const running = load(limiter, keys)
    const names = (await Promise.all(cluster.nodes.map((node) => node.cli('KEYS', `${namespace}*`)))).flat() as string[]
    const slot = cluster.slotOf(names[0] as string)
    const owner = await cluster.ownerOf(slot)
    await cluster.moveSlot(slot, (owner + 1) % 3)
    await cluster.moveSlot(slot, (owner + 2) % 3)
    await pause(300)
    const seen = await running.end()
    for (const [index, { allowed, unknown }] of seen.entries()) {
      expect(allowed + (index === 0 ? 1 : 0)).toBeLessThanOrEqual(50)
      // Each of these is one that the limiter would not count as decided.
      if (unknown === 0) expect(allowed + (index === 0 ? 1 : 0)).toBe(50)
    }
  }, 60_000)

  it('a master that is killed under load and comes back: others go on, and its callers are decided here meanwhile', async () => {
    const limiter = create(client(), { commandTimeoutMs: 300, onStoreFailure: 'local' })
    const keys = Array.from({ length: 30 }, (_, i) => `killed ${i}`)
    await limiter.ready
    const running = load(limiter, keys)
    await pause(100)
    await cluster.nodes[1]?.kill()
    await pause(500)
    await cluster.nodes[1]?.restart()
    await cluster.settled()
    await vi.waitFor(async () => expect((await limiter.check(randomUUID())).degraded).toBe(undefined), {
      timeout: 10_000,
    })
    const seen = await running.end()
    // What the killed node had counted is gone: at most one limit more.
    for (const { allowed } of seen) expect(allowed).toBeLessThanOrEqual(100)
    expect(seen.reduce((sum, { unknown }) => sum + unknown, 0)).toBeGreaterThan(0)
  }, 60_000)
})

describe('three sentinels', () => {
  let system: RedisSentinel
  beforeAll(async () => {
    system = await startRedisSentinel()
  }, 60_000)
  afterAll(() => system.stop())

  it('a master that is killed under load: decided here, then by the next master, never twice', async () => {
    const client = new Redis({ sentinels: [...system.sentinels], name: system.name })
    const limiter = create(client, { commandTimeoutMs: 300, onStoreFailure: 'local' })
    await limiter.ready
    expect((await limiter.check('before', { cost: 40 })).remaining).toBe(10)
    // What the replica has not heard is lost with the master.
    await pause(300)
    const running = load(
      limiter,
      Array.from({ length: 10 }, (_, i) => `key ${i}`),
    )
    await pause(100)
    const first = await system.master()
    await first.kill()
    await vi.waitFor(async () => expect((await system.master()).port).not.toBe(first.port), { timeout: 20_000 })
    await vi.waitFor(async () => expect((await limiter.check(randomUUID())).degraded).toBe(undefined), {
      timeout: 20_000,
    })
    for (const { allowed } of await running.end()) expect(allowed).toBeLessThanOrEqual(100)
    expect(await limiter.peek('before', { limits: ['m'], cost: 0 })).toMatchObject({ remaining: 10 })
    expect(limiter.stats().degraded).toBeGreaterThan(0)
  }, 90_000)
})
