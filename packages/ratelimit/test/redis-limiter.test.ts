import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Limit } from '../src/index.ts'
import { createRedisRateLimiter, type RedisRateLimiter, type RedisRateLimiterOptions } from '../src/redis.ts'
import { createLimiterOverRedis } from '../src/redis-limiter.ts'
import { concurrency, describeLimiter, limit } from './conformance.ts'
import { useRedis } from './redis-server.ts'

const redis = useRedis()
const open: RedisRateLimiter[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((limiter) => limiter.close()))
})

function setUp(limits: Limit[], options: Partial<RedisRateLimiterOptions> = {}) {
  const time = { now: 0 }
  const common = {
    url: redis.server.url,
    limits,
    namespace: randomUUID(),
    onStoreFailure: 'closed' as const,
    commandTimeoutMs: 5000,
    // What is remembered here goes by the clock of this process, which stands still for these tests.
    cacheRefusalsMs: 0,
  }
  const limiter = createLimiterOverRedis({ ...common, ...options }, () => time.now)
  open.push(limiter)
  return { limiter, time }
}

/** As callers get it, by the server's clock. */
function create(limits: Limit[], options: Partial<RedisRateLimiterOptions> = {}): RedisRateLimiter {
  const common = {
    url: redis.server.url,
    limits,
    namespace: randomUUID(),
    onStoreFailure: 'closed' as const,
    commandTimeoutMs: 5000,
  }
  const limiter = createRedisRateLimiter({ ...common, ...options })
  open.push(limiter)
  return limiter
}

const keysOf = (namespace: string) => redis.server.cli('KEYS', `${namespace}*`) as Promise<string[]>

describeLimiter('Redis', setUp)

describe('in Redis', () => {
  it('a caller is one key with a time to live and a hash tag, and nothing of the outside in its name', async () => {
    const namespace = randomUUID()
    const limiter = create([limit('a', 5, 60_000), limit('b', 5000, 3_600_000)], { namespace })
    for (let i = 0; i < 4; i++) await limiter.check('secret}caller', { cost: i })
    await limiter.refund('secret}caller', { cost: 2 })
    await limiter.check('secret}caller', { cost: 10 })
    const keys = await keysOf(namespace)
    expect(keys).toEqual([expect.stringMatching(/^[0-9a-f-]{36}:limits:\{[A-Za-z0-9_-]{32}\}$/)])
    const ttl = (await redis.server.cli('PTTL', keys[0] as string)) as number
    expect(ttl).toBeGreaterThan(3_500_000)
    expect(ttl).toBeLessThanOrEqual(3_601_000)
  })

  it('a window of a fraction of a second ends, and takes its key along', async () => {
    const namespace = randomUUID()
    const limiter = create([limit('m', 2, 150)], { namespace })
    expect(await limiter.check('k', { cost: 2 })).toMatchObject({ allowed: true, remaining: 0 })
    const refused = await limiter.check('k')
    expect(refused.allowed).toBe(false)
    expect(refused.retryAfterMs).toBeGreaterThan(0)
    expect(refused.retryAfterMs).toBeLessThanOrEqual(150)
    await new Promise((resolve) => setTimeout(resolve, refused.retryAfterMs + 5))
    expect((await limiter.check('k', { cost: 2 })).allowed).toBe(true)
    await vi.waitFor(async () => expect(await keysOf(namespace)).toEqual([]), { timeout: 3000 })
  })

  it('memory is bounded by the limit, or by the buckets', async () => {
    const namespace = randomUUID()
    const { limiter, time } = setUp([limit('exact', 20, 1000), limit('many', 5000, 1000)], { namespace })
    for (let i = 0; i < 300; i++) {
      time.now += 7
      await limiter.check('k', { limits: ['many'], cost: 3 })
      const { atMs } = await limiter.check('k', { limits: ['exact'] })
      if (i % 3 === 0) await limiter.refund('k', { limits: ['exact'], atMs })
    }
    const [key] = await keysOf(namespace)
    // A header, and for each limit a section of at most 34 entries of 24 bytes.
    expect(await redis.server.cli('STRLEN', key as string)).toBeLessThanOrEqual(17 + 2 * (18 + 16 + 34 * 24))
  })

  it('a refund for a time at which nothing was charged takes nothing from a later charge', async () => {
    for (const units of [20, 5000]) {
      const { limiter, time } = setUp([limit('m', units, 32_000)])
      const asked = await limiter.check('k', { cost: 0 })
      time.now = 10
      const charged = await limiter.check('k', { cost: 5 })
      await limiter.refund('k', { cost: 5, atMs: asked.atMs })
      expect((await limiter.peek('k', { cost: 0 })).remaining).toBe(units - 5)
      await limiter.refund('k', { cost: 5, atMs: charged.atMs })
      time.now = 2000
      await limiter.check('k', { cost: 3 })
      await limiter.refund('k', { cost: 5, atMs: charged.atMs })
      expect((await limiter.peek('k', { cost: 0 })).remaining).toBe(units - 3)
    }
  })

  it('the clock is the server’s: what this process thinks the time is does not matter', async () => {
    const limiter = create([limit('m', 1, 60_000)], { clock: () => 0 })
    const { atMs } = await limiter.check('k')
    const [seconds] = (await redis.server.cli('TIME')) as string[]
    expect(Math.abs(atMs / 1000 - Number(seconds))).toBeLessThan(10)
    expect((await limiter.check('k')).allowed).toBe(false)
  })

  it('a clock that stepped far back stands still once, then goes on', async () => {
    const { limiter, time } = setUp([limit('m', 2, 1000)])
    time.now = 86_400_000
    await limiter.check('k')
    time.now = 86_400_400
    await limiter.check('k')
    time.now = 5
    expect(await limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 600 })
    time.now = 604
    expect(await limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 1 })
    time.now = 605
    expect((await limiter.check('k')).allowed).toBe(true)
  })

  it('forgotten scripts are brought again, and no charge is made twice', async () => {
    const limiter = create([limit('m', 100, 60_000)])
    for (let round = 1; round <= 5; round++) {
      await redis.server.cli('SCRIPT', 'FLUSH')
      const results = await Promise.all(Array.from({ length: 10 }, () => limiter.check('k')))
      expect(results.map((one) => one.remaining)).toEqual(
        Array.from({ length: 10 }, (_, i) => 110 - round * 10 - i - 1),
      )
    }
  })

  it('thousands of checks of one turn all get their own answer', async () => {
    const limiter = create([limit('m', 1, 60_000)], { commandTimeoutMs: 5000 })
    const checks = Array.from({ length: 2000 }, (_, i) => limiter.check(`k${i % 1000}`))
    const results = await Promise.all(checks)
    expect(results.map((one) => one.allowed)).toEqual(Array.from({ length: 2000 }, (_, i) => i < 1000))
  })

  it('two processes that share a limit of N admit exactly N', async () => {
    const namespace = randomUUID()
    const both = [1, 2].map(() => create([limit('m', 137, 60_000), limit('o', 5000, 60_000)], { namespace }))
    const checks = Array.from({ length: 600 }, (_, i) => (both[i % 2] as RedisRateLimiter).check('k'))
    expect((await Promise.all(checks)).filter((one) => one.allowed)).toHaveLength(137)
    expect((await both[0]?.peek('k', { limits: ['o'] }))?.remaining).toBe(5000 - 137)
  })

  it('namespaces and windows of another length are apart', async () => {
    const namespace = randomUUID()
    const one = create([limit('m', 1, 60_000)], { namespace })
    const longer = create([limit('m', 1, 120_000)], { namespace })
    const elsewhere = create([limit('m', 1, 60_000)])
    for (const limiter of [one, longer, elsewhere]) expect((await limiter.check('k')).allowed).toBe(true)
    for (const limiter of [one, longer, elsewhere]) expect((await limiter.check('k')).allowed).toBe(false)
  })

  it('takes a client of ioredis and leaves it open', async () => {
    const client = new Redis(redis.server.port)
    const limiter = createRedisRateLimiter({
      client,
      limits: [limit('m', 1, 1000)],
      namespace: randomUUID(),
      commandTimeoutMs: 5000,
    })
    await limiter.ready
    expect((await limiter.check('k')).allowed).toBe(true)
    await limiter.close()
    expect(await client.ping()).toBe('PONG')
    client.disconnect()
  })

  it('says what is wrong with the server', async () => {
    const limiter = create([limit('m', 1, 1000)])
    expect(await limiter.problems()).toEqual([])
    await redis.server.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    expect(await limiter.problems()).toEqual([expect.stringContaining('noeviction')])
    await redis.server.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  })

  it('other limits over the same connection: the same callers, counts of their own or shared by name, closed apart', async () => {
    const limiter = create([limit('m', 3, 3_600_000)])
    const other = limiter.withLimits({ limits: [limit('m', 5, 3_600_000), limit('n', 4, 3_600_000)], maxKeys: 10 })
    for (let i = 0; i < 3; i++) expect((await limiter.check('k')).allowed).toBe(true)
    expect((await limiter.check('k')).allowed).toBe(false)
    expect(await other.check('k')).toMatchObject({ allowed: true, policy: 'm', limit: 5, remaining: 1 })
    expect(await other.check('k', { limits: ['n'], cost: 4 })).toMatchObject({ allowed: false, remaining: 3 })
    await other.close()
    await expect(other.check('k')).rejects.toMatchObject({ code: 'ERR_RATELIMIT_CLOSED' })
    expect((await limiter.check('other')).allowed).toBe(true)
    expect(() => limiter.withLimits({ limits: [] })).toThrow(expect.objectContaining({ code: 'ERR_RATELIMIT_OPTIONS' }))
  })

  it('after close every call says so', async () => {
    const limiter = create([limit('m', 1, 1000)], { onStoreFailure: 'open' })
    await limiter.close()
    await limiter.close()
    for (const use of [limiter.check, limiter.peek, limiter.refund, limiter.reset]) {
      await expect(use('k')).rejects.toMatchObject({ code: 'ERR_RATELIMIT_CLOSED', fault: 'unavailable' })
    }
  })
})

describe('refusals from memory', () => {
  const commands = async () => {
    const info = String(await redis.server.cli('INFO', 'commandstats'))
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0)
  }

  it('cost no round trip until their retry time, and then Redis is asked', async () => {
    const limiter = create([limit('m', 3, 400), limit('long', 100, 60_000)], { cacheRefusalsMs: 60_000 })
    for (let i = 0; i < 3; i++) await limiter.check('k')
    const first = await limiter.check('k')
    expect(first).toMatchObject({ allowed: false, policy: 'm' })
    const before = await commands()
    for (const again of await Promise.all(Array.from({ length: 500 }, () => limiter.check('k')))) {
      expect(again).toMatchObject({ allowed: false, policy: 'm', limit: 3, remaining: 0 })
      expect(again.retryAfterMs).toBeLessThanOrEqual(first.retryAfterMs)
      expect(again.retryAfterMs).toBeGreaterThan(0)
    }
    expect((await limiter.peek('k')).allowed).toBe(false)
    expect(await commands()).toBe(before)
    expect(limiter.stats()).toMatchObject({ allowed: 3, refused: 501, cached: 500 })
    await new Promise((resolve) => setTimeout(resolve, first.retryAfterMs + 5))
    expect((await limiter.check('k')).allowed).toBe(true)
  })

  it('only of what was refused: not of less, not of other limits, not of what was given back here', async () => {
    const limiter = create([limit('m', 5, 3_600_000), limit('o', 5, 3_600_000)], { cacheRefusalsMs: 60_000 })
    const { atMs } = await limiter.check('k', { cost: 4, limits: ['m'] })
    expect((await limiter.check('k', { cost: 2, limits: ['m'] })).allowed).toBe(false)
    expect((await limiter.check('k', { cost: 5, limits: ['o'] })).allowed).toBe(true)
    expect((await limiter.check('k', { cost: 1, limits: ['m'] })).allowed).toBe(true)
    expect((await limiter.check('k', { limits: ['m'] })).allowed).toBe(false)
    await limiter.refund('k', { atMs, cost: 1, limits: ['m'] })
    expect((await limiter.check('k', { limits: ['m'] })).allowed).toBe(true)
    expect((await limiter.check('k', { limits: ['m'] })).allowed).toBe(false)
    await limiter.reset('k')
    expect((await limiter.check('k', { limits: ['m'] })).allowed).toBe(true)
  })

  it('not for long, since another process may reset; nor of leases, which may be released', async () => {
    const namespace = randomUUID()
    const limits = [limit('m', 1, 3_600_000), concurrency('c', 1, 3_600_000)]
    const limiter = create(limits, { cacheRefusalsMs: 50, namespace })
    const other = create(limits, { namespace })
    const { lease } = await limiter.check('k', { limits: ['c'] })
    expect((await limiter.check('k', { limits: ['c'] })).allowed).toBe(false)
    await other.release('k', lease?.id as string)
    expect((await limiter.check('k')).allowed).toBe(true)
    expect((await limiter.check('k', { limits: ['m'] })).allowed).toBe(false)
    await other.reset('k')
    await vi.waitFor(async () => expect((await limiter.check('k')).allowed).toBe(true))
  })
})

it('takes a client of node-redis and leaves it open', async () => {
  const client = createClient({ url: redis.server.url })
  await client.connect()
  const limiter = create([limit('m', 3, 60_000), concurrency('c', 5, 60_000)], { client, url: undefined as never })
  const results = await Promise.all([1, 2, 3, 4].map(() => limiter.check('k')))
  expect(results.map(({ allowed }) => allowed)).toEqual([true, true, true, false])
  expect(await limiter.release('k', results[0]?.lease?.id as string)).toBe(true)
  await limiter.close()
  expect(await client.ping()).toBe('PONG')
  client.destroy()
})

describe('options', () => {
  const good = { url: 'redis://localhost', limits: [limit('m', 1, 1000)] }
  it.each([
    ['unknown field "uri"', { ...good, uri: 'x' }],
    ['limits', { url: good.url }],
    ['either url or client', { limits: good.limits }],
    ['onStoreFailure', { ...good, onStoreFailure: 'deny' }],
    ['share', { ...good, share: 0 }],
    ['share', { ...good, share: 1.1 }],
    ['share', { ...good, share: Number.NaN }],
    ['namespace', { ...good, namespace: '{a}' }],
    ['namespace', { ...good, namespace: '' }],
    ['commandTimeoutMs', { ...good, commandTimeoutMs: -1 }],
    ['onEvent', { ...good, onEvent: 5 }],
    ['without TLS', { ...good, url: 'redis://:hush-hush@example.com' }],
    ['Redis URL', { ...good, url: 'http://:hush-hush@example.com' }],
    ['"leaky"', { ...good, limits: [{ ...limit('m', 1, 1), algorithm: 'leaky' }] }],
    ['onStoreFailure', { ...good, limits: [{ ...limit('m', 1, 1), onStoreFailure: 'deny' }] }],
    ['cacheRefusalsMs', { ...good, cacheRefusalsMs: 3_600_001 }],
    ['cacheRefusalsMs', { ...good, cacheRefusalsMs: 0.5 }],
  ])('%s', (problem, options) => {
    const attempt = () => createRedisRateLimiter(options as unknown as RedisRateLimiterOptions)
    expect(attempt).toThrow(problem)
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_RATELIMIT_OPTIONS', fault: 'invalid' }))
    expect(attempt).not.toThrow('hush-hush')
  })
})
