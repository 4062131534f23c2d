import { createHash, randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { createRateLimiter, type Limit, type RateLimiterOptions } from '../src/index.ts'
import type { RedisRateLimiter, RedisRateLimiterOptions } from '../src/redis.ts'
import { createLimiterOverRedis } from '../src/redis-limiter.ts'
import { concurrency, gcra, limit } from './conformance.ts'
import { useRedis } from './redis-server.ts'

const redis = useRedis()
const ends: (() => unknown)[] = []
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()))
})

const time = { now: 0 }
const overRedis = (limits: Limit[], options: Partial<RedisRateLimiterOptions> = {}): RedisRateLimiter => {
  const common = {
    url: redis.server.url,
    onStoreFailure: 'closed' as const,
    commandTimeoutMs: 3000,
    cacheRefusalsMs: 0,
  }
  const limiter = createLimiterOverRedis({ ...common, limits, namespace: randomUUID(), ...options }, () => time.now)
  ends.push(() => limiter.close())
  return limiter
}
const inMemory = (limits: Limit[], options: Partial<RateLimiterOptions> = {}) =>
  createRateLimiter({ limits, clock: () => time.now, ...options })

const year = 366 * 86_400_000

describe('numbers at the end of what there is', () => {
  it.each([
    ['settled far beyond', { name: 'g', algorithm: 'gcra', limit: 1000, windowMs: 86_400_000 }, 1, 2_000_000_000, 1],
    ['slower than a life', { name: 'g', algorithm: 'gcra', limit: 1, burst: 1000, windowMs: year }, 1000, 1000, 300],
    [
      'the slowest there is',
      { name: 'g', algorithm: 'gcra', limit: 1, burst: 2_147_483_647, windowMs: year },
      1,
      2_147_483_647,
      5,
    ],
  ] as [string, Limit, number, number, number][])(
    '%s: refused, with a finite wait',
    async (_name, one, charged, cost, next) => {
      time.now = 1000
      for (const limiter of [overRedis([one]), inMemory([one])]) {
        expect((await limiter.check('k', { cost: charged })).allowed).toBe(true)
        await limiter.settle('k', { charged, cost })
        const refused = await limiter.check('k', { cost: next })
        expect(refused.allowed).toBe(false)
        expect(Number.isFinite(refused.retryAfterMs) && refused.retryAfterMs > 0).toBe(true)
        expect((await limiter.check('another')).allowed).toBe(true)
      }
    },
  )
})

describe('a limit that was changed while keys hold state of the one before', () => {
  it.each([
    [100, 200],
    [200, 100],
  ])('a window of %i, then of %i: never more than the larger, and no faults', async (before, after) => {
    const namespace = randomUUID()
    const old = overRedis([limit('m', before, 60_000)], { namespace })
    const current = overRedis([limit('m', after, 60_000)], { namespace })
    time.now = 1_000_000
    const log: number[] = []
    const ask = async (limiter: RedisRateLimiter) => {
      if ((await limiter.check('k')).allowed) log.push(time.now)
      expect(log.filter((at) => at > time.now - 60_000).length).toBeLessThanOrEqual(Math.max(before, after))
    }
    for (let i = 0; i < 40; i++, time.now += 300) await ask(old)
    for (let i = 0; i < 900; i++, time.now += 150) await ask(current)
    for (let i = 0; i < 100; i++, time.now += 150) await ask(i % 2 === 0 ? old : current)
  })

  it('a rate that was busy for a day: the new one waits for little more than a window', async () => {
    const namespace = randomUUID()
    const old = overRedis([gcra('g', 1000, 60_000)], { namespace })
    const current = overRedis([gcra('g', 900, 60_000)], { namespace })
    time.now = 1_000_000
    await old.check('k', { cost: 1000 })
    for (let i = 0; i < 500; i++) {
      time.now += 30_000
      await old.check('k', { cost: 500 })
    }
    const { allowed, retryAfterMs } = await current.peek('k')
    expect(allowed).toBe(false)
    expect(retryAfterMs).toBeLessThan(60_000)
  })
})

it('a lease of two limits is held as long as both hold it', async () => {
  const limits = [concurrency('short', 1, 1000), concurrency('long', 5, 60_000)]
  for (const limiter of [overRedis(limits), inMemory(limits)]) {
    time.now = 0
    const { lease } = await limiter.check('k')
    time.now = 900
    expect(await limiter.renew('k', lease?.id as string)).toBe(true)
    time.now = 1950
    expect((await limiter.check('k')).allowed).toBe(true)
    expect(await limiter.renew('k', lease?.id as string)).toBe(false)
    const one = await limiter.check('j', { limits: ['long'] })
    expect(one.lease?.ttlMs).toBe(60_000)
    expect(await limiter.renew('j', one.lease?.id as string)).toBe(true)
    expect(await limiter.renew('j', one.lease?.id as string, { limits: ['short'] })).toBe(false)
    expect(await limiter.release('j', one.lease?.id as string)).toBe(true)
    for (const id of ['', '.', '.0', 'x.0', 'x.99', 'x.-1', 'x.NaN', '\0'.repeat(12), `${'a'.repeat(12)}.0`]) {
      expect(await limiter.release('k', id)).toBe(false)
    }
  }
})

describe('a listener that calls the limiter', () => {
  it('finds everything charged', () => {
    time.now = 0
    let inner: boolean | undefined
    const limiter = inMemory([{ ...limit('a', 10, 1000), nearRatio: 0.1 }, limit('b', 1, 1000)], {
      onEvent: () => {
        inner ??= limiter.check('k').allowed
      },
    })
    expect(limiter.check('k').allowed).toBe(true)
    expect(inner).toBe(false)
  })

  it('may take keys away', () => {
    for (let run = 0; run < 50; run++) {
      const limiter = inMemory([{ ...limit('a', 2, 1000), nearRatio: 0.5 }, limit('b', 1, 1000)], {
        maxKeys: 20,
        onEvent: () => limiter.reset('x'),
      })
      for (const key of ['x', ...Array.from({ length: 15 }, (_, i) => `key ${run} ${i}`)]) {
        expect(limiter.check(key).allowed).toBe(true)
        if (key !== 'x') expect(limiter.check(key).allowed).toBe(false)
      }
    }
  })
})

it('a refusal that was under way while units were given back is not remembered', async () => {
  const limiter = overRedis([limit('m', 1, 60_000)], { cacheRefusalsMs: 60_000 })
  for (const give of [
    () => limiter.refund('k'),
    () => limiter.reset('k'),
    () => limiter.settle('k', { charged: 1, cost: 0 }),
  ]) {
    expect((await limiter.check('k')).allowed).toBe(true)
    await Promise.all([limiter.check('k'), give()])
    expect((await limiter.check('k')).allowed).toBe(true)
    await limiter.reset('k')
  }
})

it.each([
  [10, 8],
  [5, 4],
  [100, 80],
  [1000, 800],
  [1, 1],
])('of %i units, %i are near', async (units, near) => {
  for (const make of [overRedis, inMemory]) {
    const events: unknown[] = []
    const limiter = make([limit('m', units, 1000)], { onEvent: (event: unknown) => events.push(event) })
    if (near > 1) await limiter.check('k', { cost: near - 1 })
    expect(events).toEqual([])
    await limiter.check('k')
    expect(events).toEqual([{ type: 'near', key: 'k', policy: 'm', limit: units, remaining: units - near }])
  }
})

it('settling tells what is near, by what Redis holds', async () => {
  const events: unknown[] = []
  const limiter = overRedis([limit('m', 1000, 1000)], { share: 0.1, onEvent: (event) => events.push(event) })
  await limiter.settle('k', { charged: 0, cost: 90 })
  expect(events).toEqual([])
  await limiter.settle('k', { charged: 0, cost: 760 })
  expect(events).toEqual([{ type: 'near', key: 'k', policy: 'm', limit: 1000, remaining: 150 }])
})

it('nobody chooses a key that is counted as a long one', async () => {
  const long = 'x'.repeat(300)
  const digest = `sha256:${createHash('sha256').update(long, 'utf16le').digest('base64')}`
  for (const limiter of [overRedis([limit('m', 1, 1000)]), inMemory([limit('m', 1, 1000)])]) {
    expect((await limiter.check(long)).allowed).toBe(true)
    expect((await limiter.check(digest)).allowed).toBe(true)
  }
})

it('what is idle makes room before anybody shares an entry', () => {
  time.now = 0
  const limiter = inMemory([limit('m', 1, 1000)], { maxKeys: 10_000 })
  for (let i = 0; i < 500; i++) limiter.check(`idle ${i}`)
  time.now = 900
  for (let i = 0; i < 9500; i++) limiter.check(`busy ${i}`)
  time.now = 1100
  let refused = 0
  for (let i = 0; i < 400; i++) if (!limiter.check(`new ${i}`).allowed) refused++
  expect(refused).toBeLessThan(20)
})

it('clocks below zero and values of the wrong kind are errors of ours', async () => {
  expect(() => createRateLimiter({ limits: [limit('m', 1, 1)], clock: () => -5 }).check('k')).toThrow('from 0')
  for (const limiter of [overRedis([limit('m', 1, 1000)]), inMemory([limit('m', 1, 1000)])]) {
    for (const limits of [5, 'm', { m: 1 }, [1n], [undefined], [Symbol.iterator]]) {
      await expect((async () => limiter.check('k', { limits } as never))()).rejects.toMatchObject({
        code: 'ERR_RATELIMIT_LIMIT',
      })
    }
    for (const wrong of [undefined, {}, { charged: 1 }, { cost: 1 }]) {
      await expect((async () => limiter.settle('k', wrong as never))()).rejects.toMatchObject({
        code: 'ERR_RATELIMIT_COST',
      })
    }
    await expect((async () => limiter.renew('k', 5 as never))()).rejects.toMatchObject({ code: 'ERR_RATELIMIT_KEY' })
  }
})
