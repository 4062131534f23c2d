import { randomUUID } from 'node:crypto'
import { startRedis, type RedisServer } from '@portcullis-internal/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  createRedisRateLimiter,
  type RedisRateLimiter,
  type RedisRateLimiterEvent,
  type RedisRateLimiterOptions,
} from '../src/redis.ts'
import { concurrency, limit } from './conformance.ts'

const servers: RedisServer[] = []
const limiters: RedisRateLimiter[] = []
afterEach(async () => {
  await Promise.all(limiters.splice(0).map((limiter) => limiter.close()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

const start = async (args: string[] = []): Promise<RedisServer> => {
  const server = await startRedis({ args })
  servers.push(server)
  return server
}

const create = (url: string, options: Partial<RedisRateLimiterOptions> = {}) => {
  const events: RedisRateLimiterEvent[] = []
  const limiter = createRedisRateLimiter({
    url,
    limits: [limit('m', 10, 3_600_000)],
    commandTimeoutMs: 500,
    cacheRefusalsMs: 0,
    onEvent: (event) => {
      if (event.type !== 'near') events.push(event)
    },
    ...options,
  })
  limiters.push(limiter)
  return { limiter, events }
}

const admitted = async (limiter: RedisRateLimiter, checks: number): Promise<number> => {
  let count = 0
  for (let i = 0; i < checks; i++) if ((await limiter.check('k')).allowed) count++
  return count
}

const recovered = (limiter: RedisRateLimiter) =>
  vi.waitFor(() => expect(limiter.degraded).toBe(false), { timeout: 5000, interval: 10 })

describe('local', () => {
  it('a Redis that was never there: the limit of this process, and it says so', async () => {
    const server = await start()
    await server.kill()
    const { limiter, events } = create(server.url)
    expect(await limiter.check('k')).toMatchObject({ allowed: true, limit: 10, remaining: 9, degraded: true })
    expect(await admitted(limiter, 20)).toBe(9)
    expect(await limiter.peek('k')).toMatchObject({ allowed: false, degraded: true, policy: 'm' })
    await limiter.refund('k', { cost: 2 })
    expect(await admitted(limiter, 20)).toBe(2)
    expect(events).toMatchObject([{ type: 'degraded', reason: expect.stringContaining('ECONNREFUSED') }])
    await server.restart()
    await recovered(limiter)
    expect(await limiter.check('k')).toEqual(expect.not.objectContaining({ degraded: true }))
    expect(events.map((event) => event.type)).toEqual(['degraded', 'recovered'])
  })

  it('killed in use: what was charged is not forgotten on either side', async () => {
    const server = await start()
    const { limiter } = create(server.url)
    expect(await admitted(limiter, 7)).toBe(7)
    await server.kill()
    expect(await admitted(limiter, 20)).toBe(3)
    expect(limiter.degraded).toBe(true)
    // A server that kept nothing: at most one limit more, which is the limit of the new one.
    await server.restart()
    await recovered(limiter)
    expect(await admitted(limiter, 20)).toBe(10)
  })

  it('frozen in use: decided within the deadline, then at once, then by Redis again', async () => {
    const server = await start()
    const { limiter, events } = create(server.url)
    expect(await admitted(limiter, 6)).toBe(6)
    server.freeze()
    expect(await admitted(limiter, 20)).toBe(4)
    expect(limiter.degraded).toBe(true)
    server.thaw()
    await recovered(limiter)
    // What was sent before the freeze was noticed is carried out now, once at most: never less than was admitted here by Redis.
    const { remaining } = await limiter.peek('k', { cost: 0 })
    expect(remaining).toBeLessThanOrEqual(4)
    expect(events.map((event) => event.type)).toEqual(['degraded', 'recovered'])
  })

  it('holds a share of the limit, also while Redis admits more than that', async () => {
    const server = await start()
    const { limiter } = create(server.url, { share: 0.25 })
    expect(await admitted(limiter, 8)).toBe(8)
    await server.kill()
    await limiter.check('other')
    expect(await admitted(limiter, 20)).toBe(0)
    const counts: boolean[] = []
    for (let i = 0; i < 5; i++) counts.push((await limiter.check('other')).allowed)
    expect(counts).toEqual([true, true, false, false, false])
  })

  it('with several limits keeps each as full as it was', async () => {
    const server = await start()
    const limits = [limit('few', 4, 3_600_000), limit('many', 100, 3_600_000)]
    const { limiter } = create(server.url, { limits, share: 0.5 })
    for (let i = 0; i < 4; i++) await limiter.check('k', { cost: 1 })
    await limiter.check('k', { cost: 40, limits: ['many'] })
    await server.kill()
    expect(await limiter.check('k', { limits: ['few'] })).toMatchObject({ allowed: false, limit: 2 })
    expect(await limiter.peek('k', { limits: ['many'] })).toMatchObject({ allowed: true, remaining: 6 })
  })

  it('a process that was busy takes the answer that is there', async () => {
    const server = await start()
    const { limiter, events } = create(server.url, { commandTimeoutMs: 50 })
    await limiter.check('k')
    const check = limiter.check('k')
    await new Promise((resolve) => setImmediate(resolve))
    for (const begun = performance.now(); performance.now() - begun < 200; );
    expect(await check).toEqual(expect.not.objectContaining({ degraded: true }))
    expect(events).toEqual([])
  })

  it('reset must not seem to have worked', async () => {
    const server = await start()
    const { limiter } = create(server.url)
    await admitted(limiter, 3)
    await server.kill()
    await expect(limiter.reset('k')).rejects.toMatchObject({ code: 'ERR_RATELIMIT_STORE', fault: 'unavailable' })
  })
})

describe('each limit has a policy of its own', () => {
  const limits = [
    limit('here', 3, 3_600_000),
    { ...limit('anything', 1, 3_600_000), onStoreFailure: 'open' as const },
    { ...limit('nothing', 100, 3_600_000), onStoreFailure: 'closed' as const },
    { ...limit('watched', 1, 3_600_000), onStoreFailure: 'closed' as const, mode: 'shadow' as const },
  ]
  it('decides by those that are held against, and a shadow closes nothing', async () => {
    const server = await start()
    const { limiter } = create(server.url, { limits })
    await limiter.check('k', { limits: ['here', 'anything'] })
    await server.kill()
    const both = { limits: ['here', 'anything'] }
    for (const remaining of [1, 0]) {
      expect(await limiter.check('k', both)).toMatchObject({ allowed: true, policy: 'here', remaining, degraded: true })
    }
    expect(await limiter.check('k', both)).toMatchObject({ allowed: false, policy: 'here', degraded: true })
    for (let i = 0; i < 3; i++) {
      expect(await limiter.check('k', { limits: ['anything', 'watched'] })).toMatchObject({ allowed: true, policy: '' })
    }
    for (const named of [{ limits: ['nothing'] }, { limits: ['anything', 'nothing'] }, undefined]) {
      await expect(limiter.check('k', named)).rejects.toMatchObject({ code: 'ERR_RATELIMIT_STORE' })
    }
    expect(limiter.stats()).toMatchObject({ degraded: 6, failures: 9, allowed: 6, refused: 1 })
  })

  it('leases live through an outage: those of Redis, and those that were taken here', async () => {
    const server = await start()
    const { limiter } = create(server.url, { limits: [concurrency('c', 2, 3_600_000)], commandTimeoutMs: 300 })
    const before = await limiter.check('k')
    server.freeze()
    const during = await limiter.check('k')
    expect(during).toMatchObject({ allowed: true, remaining: 0, degraded: true, lease: { ttlMs: 3_600_000 } })
    expect(await limiter.check('k')).toMatchObject({ allowed: false, degraded: true })
    await expect(limiter.renew('k', before.lease?.id as string)).rejects.toMatchObject({ code: 'ERR_RATELIMIT_STORE' })
    expect(await limiter.renew('k', during.lease?.id as string)).toBe(true)
    server.thaw()
    await recovered(limiter)
    expect(await limiter.renew('k', before.lease?.id as string)).toBe(true)
    expect(await limiter.renew('k', during.lease?.id as string)).toBe(true)
    expect(await limiter.release('k', during.lease?.id as string)).toBe(true)
    expect(await limiter.release('k', during.lease?.id as string)).toBe(false)
    expect(await limiter.release('k', before.lease?.id as string)).toBe(true)
  })
})

describe('open and closed', () => {
  it('open allows what cannot be counted, and counts again afterwards', async () => {
    const server = await start()
    const { limiter } = create(server.url, { onStoreFailure: 'open' })
    expect(await admitted(limiter, 12)).toBe(10)
    await server.kill()
    expect(await limiter.check('k')).toMatchObject({ allowed: true, policy: '', degraded: true })
    expect(await admitted(limiter, 30)).toBe(30)
    await limiter.refund('k')
    await server.restart()
    await recovered(limiter)
    expect(await admitted(limiter, 12)).toBe(10)
  })

  it('closed throws, which is not a refusal', async () => {
    const server = await start()
    const { limiter } = create(server.url, { onStoreFailure: 'closed' })
    await limiter.ready
    server.freeze()
    for (const use of [limiter.check, limiter.peek, limiter.refund, limiter.reset, limiter.check]) {
      await expect(use('k')).rejects.toMatchObject({
        name: 'RateLimitError',
        code: 'ERR_RATELIMIT_STORE',
        fault: 'unavailable',
        retryAfterMs: 1000,
      })
    }
    server.thaw()
    await recovered(limiter)
    await vi.waitFor(async () => expect((await limiter.check('other')).allowed).toBe(true))
  })

  it.each(['local', 'open', 'closed'] as const)(
    '%s: what Redis rejects is a fault, never an outage',
    async (onStoreFailure) => {
      const server = await start()
      const namespace = randomUUID()
      const { limiter } = create(server.url, { onStoreFailure, namespace })
      await limiter.check('k')
      const [key] = (await server.cli('KEYS', `${namespace}*`)) as string[]
      // Version, last seen and what the clock is behind: what stands before the first section.
      const head = `\x01${'\0'.repeat(16)}`
      for (const bad of [
        '',
        'x',
        'something else',
        'something else that is longer',
        head.slice(1),
        `${head}x`,
        `${head}${'\x01'.repeat(18)}`,
        `${head}${'\x01'.repeat(44)}`,
      ]) {
        await server.cli('SET', key as string, bad)
        // What lies beside it in the same round trip is decided all the same.
        const both = await Promise.allSettled([limiter.check('k'), limiter.check('other'), limiter.check('k')])
        expect(both).toMatchObject([
          { status: 'rejected', reason: { code: 'ERR_RATELIMIT_SCRIPT', fault: 'internal' } },
          { status: 'fulfilled', value: { allowed: true } },
          { status: 'rejected', reason: { code: 'ERR_RATELIMIT_SCRIPT' } },
        ])
        await limiter.reset('other')
      }
      await server.cli('SCRIPT', 'FLUSH')
      await server.cli('ACL', 'SETUSER', 'default', '-set')
      await expect(limiter.check('another')).rejects.toMatchObject({ code: 'ERR_RATELIMIT_SCRIPT', fault: 'internal' })
    },
  )

  it('refused credentials are not something to be open for', async () => {
    const server = await start(['--requirepass', 'hush-hush'])
    const url = `redis://:wrong-wrong@127.0.0.1:${server.port}`
    const open = create(url, { onStoreFailure: 'open' })
    const refused = await open.limiter.check('k').catch((error: Error) => error)
    expect(refused).toMatchObject({ code: 'ERR_RATELIMIT_STORE', fault: 'unavailable' })
    expect(String((refused as Error).stack)).not.toContain('wrong-wrong')
    const local = create(url)
    expect(await local.limiter.check('k')).toMatchObject({ allowed: true, degraded: true })
    const right = create(`redis://:hush-hush@127.0.0.1:${server.port}`, { onStoreFailure: 'closed' })
    expect((await right.limiter.check('k')).allowed).toBe(true)
  })
})
