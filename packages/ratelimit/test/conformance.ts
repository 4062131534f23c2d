import { describe, expect, it } from 'vitest'
import type {
  CheckOptions,
  Limit,
  RateLimiterEvent,
  RateLimiterStats,
  RateLimitResult,
  RefundOptions,
  SettleOptions,
  WindowLimit,
} from '../src/index.ts'

/** What every limiter does, whether at once or as a promise. */
export interface AnyLimiter {
  check(key: string, options?: CheckOptions): RateLimitResult | Promise<RateLimitResult>
  peek(key: string, options?: CheckOptions): RateLimitResult | Promise<RateLimitResult>
  refund(key: string, options?: RefundOptions): void | Promise<void>
  settle(key: string, options: SettleOptions): void | Promise<void>
  renew(key: string, leaseId: string): boolean | Promise<boolean>
  release(key: string, leaseId: string): boolean | Promise<boolean>
  reset(key: string, options?: { readonly limits?: readonly string[] }): void | Promise<void>
  stats(): RateLimiterStats
}

export type SetUp = (
  limits: Limit[],
  options?: { onEvent(event: { readonly type: string }): void },
) => { limiter: AnyLimiter; time: { now: number } }

export const limit = (name: string, units: number, windowMs: number): WindowLimit => ({
  name,
  algorithm: 'window',
  limit: units,
  windowMs,
})

export const gcra = (name: string, units: number, windowMs: number, burst?: number): Limit => ({
  name,
  algorithm: 'gcra',
  limit: units,
  windowMs,
  ...(burst === undefined ? {} : { burst }),
})
export const concurrency = (name: string, units: number, windowMs: number): Limit => ({
  name,
  algorithm: 'concurrency',
  limit: units,
  windowMs,
})

/** The one suite that every backend passes. */
export function describeLimiter(name: string, setUp: SetUp): void {
  describeGcra(name, setUp)
  describeConcurrency(name, setUp)
  describeModes(name, setUp)

  describe(`${name}: check`, () => {
    it('allows the limit, refuses the rest, and the window is half-open', async () => {
      const { limiter, time } = setUp([limit('m', 2, 1000)])
      expect(await limiter.check('k')).toEqual({
        allowed: true,
        limit: 2,
        remaining: 1,
        resetMs: 1000,
        retryAfterMs: 0,
        policy: 'm',
        windowMs: 1000,
        atMs: 0,
      })
      time.now = 400
      expect(await limiter.check('k')).toMatchObject({ allowed: true, remaining: 0 })
      expect(await limiter.check('k')).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 600, resetMs: 1000 })
      time.now = 999
      expect(await limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 1 })
      time.now = 1000
      expect(await limiter.check('k')).toMatchObject({ allowed: true, remaining: 0 })
      expect(await limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 400 })
    })

    it('refusals charge nothing', async () => {
      const { limiter } = setUp([limit('m', 10, 1000)])
      expect((await limiter.check('k', { cost: 8 })).allowed).toBe(true)
      expect(await limiter.check('k', { cost: 5 })).toMatchObject({ allowed: false, remaining: 2 })
      expect(await limiter.check('k', { cost: 2 })).toMatchObject({ allowed: true, remaining: 0 })
    })

    it('keys do not touch each other, names of Object.prototype included', async () => {
      const { limiter } = setUp([limit('m', 1, 1000)])
      const keys = [
        'a',
        'b',
        '',
        '__proto__',
        'constructor',
        'x'.repeat(300),
        `${'x'.repeat(299)}y`,
        '\uD800',
        '\uFFFD',
      ]
      for (const key of [...keys, 'a}b', '{a}b', 'a\r\nb', 'a\0b']) {
        expect((await limiter.check(key)).allowed).toBe(true)
        expect((await limiter.check(key)).allowed).toBe(false)
      }
    })

    it('holds all limits at once and answers the one that refuses longest', async () => {
      const { limiter, time } = setUp([
        limit('second', 1, 1000),
        limit('minute', 3, 60_000),
        limit('hour', 100, 3_600_000),
      ])
      expect(await limiter.check('k')).toMatchObject({ allowed: true, policy: 'second', remaining: 0 })
      expect(await limiter.check('k')).toMatchObject({ allowed: false, policy: 'second', retryAfterMs: 1000 })
      time.now = 1000
      await limiter.check('k')
      time.now = 2000
      await limiter.check('k')
      expect(await limiter.check('k')).toMatchObject({ allowed: false, policy: 'minute', retryAfterMs: 58_000 })
      expect((await limiter.peek('k', { cost: 0, limits: ['hour'] })).remaining).toBe(97)
    })

    it('only the named limits, each once', async () => {
      const { limiter } = setUp([limit('a', 2, 1000), limit('b', 5, 1000)])
      expect(await limiter.check('k', { limits: ['a', 'a'] })).toMatchObject({ policy: 'a', remaining: 1 })
      expect((await limiter.peek('k', { limits: ['b'] })).remaining).toBe(5)
      expect(await limiter.check('k', { limits: [] })).toMatchObject({ allowed: true, policy: '' })
      expect((await limiter.peek('k')).remaining).toBe(1)
    })

    it('cost 0 asks; a cost above the limit is refused with a finite answer', async () => {
      const { limiter } = setUp([limit('m', 2, 1000)])
      expect(await limiter.check('k', { cost: 0 })).toMatchObject({ allowed: true, remaining: 2, resetMs: 0 })
      expect(await limiter.check('k', { cost: 3 })).toMatchObject({
        allowed: false,
        remaining: 2,
        retryAfterMs: 1000,
      })
      await limiter.check('k', { cost: 2 })
      expect(await limiter.check('k', { cost: 0 })).toMatchObject({ allowed: true, remaining: 0 })
      expect(await limiter.check('k', { cost: 2_147_483_647 })).toMatchObject({ allowed: false, retryAfterMs: 1000 })
    })

    it('a clock that steps back or answers nonsense stands still', async () => {
      const { limiter, time } = setUp([limit('m', 1, 1000)])
      time.now = 5000
      await limiter.check('k')
      for (const now of [0, Number.NaN, Number.POSITIVE_INFINITY, -1e9]) {
        time.now = now
        expect(await limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 1000, atMs: 5000 })
      }
      time.now = 6000
      expect((await limiter.check('k')).allowed).toBe(true)
    })

    it('windows from 1 ms to 366 days', async () => {
      const { limiter, time } = setUp([limit('short', 1, 1), limit('long', 3, 366 * 86_400_000)])
      for (let i = 0; i < 3; i++) {
        expect((await limiter.check('k')).allowed).toBe(true)
        expect(await limiter.check('k')).toMatchObject({ allowed: false })
        time.now++
      }
      expect(await limiter.check('k')).toMatchObject({
        allowed: false,
        policy: 'long',
        retryAfterMs: 366 * 86_400_000 - 3,
      })
      time.now = 366 * 86_400_000
      expect((await limiter.check('k')).allowed).toBe(true)
    })

    it('the largest limit and cost', async () => {
      const { limiter } = setUp([limit('m', 2_147_483_647, 1000)])
      expect(await limiter.check('k', { cost: 2_147_483_647 })).toMatchObject({ allowed: true, remaining: 0 })
      expect(await limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 1000 })
    })
  })

  describe(`${name}: peek, refund, reset`, () => {
    it('peek changes nothing', async () => {
      const { limiter } = setUp([limit('m', 1, 1000)])
      expect(await limiter.peek('k')).toMatchObject({ allowed: true, remaining: 1 })
      expect(await limiter.peek('k')).toMatchObject({ allowed: true, remaining: 1 })
      await limiter.check('k')
      expect(await limiter.peek('k')).toMatchObject({ allowed: false, remaining: 0 })
    })

    it('refund gives back what was charged and never more', async () => {
      const { limiter } = setUp([limit('m', 5, 1000)])
      await limiter.refund('k')
      await limiter.check('k', { cost: 5 })
      await limiter.refund('k', { cost: 3 })
      expect((await limiter.check('k', { cost: 3 })).allowed).toBe(true)
      await limiter.refund('k', { cost: 1000 })
      expect((await limiter.peek('k', { cost: 5 })).allowed).toBe(true)
      expect((await limiter.peek('k', { cost: 6 })).allowed).toBe(false)
    })

    it('without a time the oldest units go, so that a late refund lets nothing extra through', async () => {
      const { limiter, time } = setUp([limit('m', 2, 100)])
      await limiter.check('k')
      time.now = 50
      await limiter.check('k')
      await limiter.refund('k')
      expect((await limiter.check('k')).allowed).toBe(true)
      time.now = 100
      expect((await limiter.check('k')).allowed).toBe(false)
      time.now = 150
      expect((await limiter.check('k', { cost: 2 })).allowed).toBe(true)
    })

    it('with the time of the charge exactly its units go, or none once they have left the window', async () => {
      const { limiter, time } = setUp([limit('m', 3, 100)])
      const first = await limiter.check('k', { cost: 2 })
      time.now = 50
      const second = await limiter.check('k')
      await limiter.refund('k', { atMs: second.atMs, cost: 5 })
      expect((await limiter.peek('k', { cost: 0 })).remaining).toBe(1)
      await limiter.check('k')
      time.now = 100
      await limiter.refund('k', { atMs: first.atMs, cost: 2 })
      expect((await limiter.peek('k', { cost: 0 })).remaining).toBe(2)
    })

    it('charging ahead and settling later does not wear the limit out', async () => {
      const { limiter, time } = setUp([limit('m', 100, 60_000)])
      for (let i = 0; i < 500; i++) {
        const charged = await limiter.check('k', { cost: 5 })
        expect(charged.allowed).toBe(true)
        await limiter.refund('k', { cost: 4, atMs: charged.atMs })
        time.now += 1000
      }
    })

    it('reset forgets the key, or one limit of it', async () => {
      const { limiter } = setUp([limit('a', 1, 1000), limit('b', 1, 1000)])
      await limiter.check('k')
      await limiter.reset('k', { limits: ['a'] })
      expect((await limiter.check('k', { limits: ['a'] })).allowed).toBe(true)
      expect((await limiter.check('k', { limits: ['b'] })).allowed).toBe(false)
      await limiter.reset('k')
      expect((await limiter.check('k')).allowed).toBe(true)
      await limiter.reset('nobody')
      await limiter.reset('k', { limits: [] })
      expect((await limiter.check('k')).allowed).toBe(false)
    })
  })

  describe(`${name}: what is refused`, () => {
    it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '1'])('cost %j', async (cost) => {
      const { limiter } = setUp([limit('m', 1, 1000)])
      const options = { cost: cost as number }
      for (const use of [limiter.check, limiter.peek, limiter.refund]) {
        await expect((async () => use('k', options))()).rejects.toMatchObject({
          code: 'ERR_RATELIMIT_COST',
          fault: 'invalid',
        })
      }
    })

    it('keys and names of limits', async () => {
      const { limiter } = setUp([limit('m', 1, 1000)])
      for (const use of [limiter.check, limiter.peek, limiter.refund, limiter.reset]) {
        await expect((async () => use(5 as unknown as string))()).rejects.toMatchObject({ code: 'ERR_RATELIMIT_KEY' })
        await expect((async () => use('k', { limits: ['x\n'] }))()).rejects.toThrow('there is no limit "x\\n"')
        await expect((async () => use('k', { limits: ['toString'] }))()).rejects.toMatchObject({
          code: 'ERR_RATELIMIT_LIMIT',
        })
      }
    })
  })
}

function describeGcra(name: string, setUp: SetUp): void {
  describe(`${name}: gcra`, () => {
    it('allows the burst at once, then the rate', async () => {
      const { limiter, time } = setUp([gcra('g', 10, 1000, 3)])
      expect(await limiter.check('k')).toEqual({
        allowed: true,
        limit: 10,
        remaining: 2,
        resetMs: 100,
        retryAfterMs: 0,
        policy: 'g',
        windowMs: 1000,
        atMs: 0,
      })
      await limiter.check('k', { cost: 2 })
      expect(await limiter.check('k')).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 100, resetMs: 300 })
      expect(await limiter.check('k', { cost: 3 })).toMatchObject({ allowed: false, retryAfterMs: 300 })
      time.now = 99
      expect(await limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 1 })
      time.now = 100
      expect(await limiter.check('k')).toMatchObject({ allowed: true, remaining: 0 })
      time.now = 349
      expect(await limiter.peek('k', { cost: 0 })).toMatchObject({ remaining: 2 })
      time.now = 100_000
      expect(await limiter.check('k', { cost: 3 })).toMatchObject({ allowed: true, remaining: 0, resetMs: 300 })
    })

    it('the burst is the limit unless told otherwise; a cost above it is refused with a finite answer', async () => {
      const { limiter, time } = setUp([gcra('g', 5, 1000), gcra('big', 5, 1000, 8)])
      expect(await limiter.check('k', { cost: 6, limits: ['g'] })).toMatchObject({
        allowed: false,
        remaining: 5,
        retryAfterMs: 1000,
      })
      expect((await limiter.check('k', { cost: 5, limits: ['g'] })).allowed).toBe(true)
      expect(await limiter.check('k', { cost: 8, limits: ['big'] })).toMatchObject({ allowed: true, remaining: 0 })
      time.now = 1000
      expect(await limiter.peek('k', { cost: 0, limits: ['big'] })).toMatchObject({ remaining: 5 })
    })

    it('rates far above one a microsecond lose no unit to rounding, and none is made', async () => {
      const { limiter, time } = setUp([gcra('fast', 1_000_000_000, 1)])
      time.now = 31_622_400_000
      expect((await limiter.check('k', { cost: 1_000_000_000 })).allowed).toBe(true)
      for (let i = 0; i < 5; i++) {
        expect(await limiter.check('k')).toMatchObject({ allowed: false, remaining: 0 })
        time.now++
        expect(await limiter.check('k', { cost: 999_999_999 })).toMatchObject({ allowed: true, remaining: 1 })
        expect((await limiter.check('k', { cost: 2 })).allowed).toBe(false)
        expect((await limiter.check('k')).allowed).toBe(true)
      }
    })

    it('one unit in 366 days', async () => {
      const { limiter, time } = setUp([gcra('slow', 1, 366 * 86_400_000)])
      await limiter.check('k')
      expect(await limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 366 * 86_400_000 })
      time.now = 366 * 86_400_000 - 1
      expect(await limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 1 })
      time.now++
      expect((await limiter.check('k')).allowed).toBe(true)
    })

    it('refunds: at most what is owed, and nothing for a charge that has drained', async () => {
      const { limiter, time } = setUp([gcra('g', 10, 1000, 5)])
      await limiter.refund('k', { cost: 3 })
      const first = await limiter.check('k', { cost: 5 })
      await limiter.refund('k', { cost: 2, atMs: first.atMs })
      expect(await limiter.check('k', { cost: 3 })).toMatchObject({ allowed: false, remaining: 2, retryAfterMs: 100 })
      time.now = 5000
      await limiter.check('k', { cost: 4 })
      await limiter.refund('k', { cost: 5, atMs: first.atMs })
      expect((await limiter.peek('k', { cost: 0 })).remaining).toBe(1)
      await limiter.refund('k', { cost: 50 })
      expect((await limiter.peek('k', { cost: 0 })).remaining).toBe(5)
      expect((await limiter.check('k', { cost: 6 })).allowed).toBe(false)
    })
  })
}

function describeConcurrency(name: string, setUp: SetUp): void {
  describe(`${name}: concurrency`, () => {
    it('a lease holds until it is released', async () => {
      const { limiter, time } = setUp([concurrency('c', 2, 10_000)])
      const one = await limiter.check('k')
      expect(one).toMatchObject({ allowed: true, remaining: 1, lease: { id: expect.any(String), ttlMs: 10_000 } })
      time.now = 1000
      const two = await limiter.check('k')
      expect(two.lease?.id).not.toBe(one.lease?.id)
      const refused = await limiter.check('k')
      expect(refused).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 9000, resetMs: 10_000, policy: 'c' })
      expect(refused.lease).toBe(undefined)
      expect(await limiter.release('k', one.lease?.id as string)).toBe(true)
      expect(await limiter.release('k', one.lease?.id as string)).toBe(false)
      expect(await limiter.check('k')).toMatchObject({ allowed: true, remaining: 0 })
      expect(await limiter.release('other', two.lease?.id as string)).toBe(false)
    })

    it('a holder that crashed loses its lease; one that renews keeps it', async () => {
      const { limiter, time } = setUp([concurrency('c', 1, 1000)])
      const one = await limiter.check('k')
      time.now = 900
      expect(await limiter.renew('k', one.lease?.id as string)).toBe(true)
      time.now = 1899
      expect(await limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 1 })
      time.now = 1900
      expect(await limiter.renew('k', one.lease?.id as string)).toBe(false)
      expect(await limiter.release('k', one.lease?.id as string)).toBe(false)
      const two = await limiter.check('k')
      expect(two.allowed).toBe(true)
      expect(await limiter.renew('k', one.lease?.id as string)).toBe(false)
      expect((await limiter.check('k')).allowed).toBe(false)
      expect(await limiter.renew('k', two.lease?.id as string)).toBe(true)
    })

    it('leases have weight, and stand beside rates: all or none', async () => {
      const { limiter } = setUp([concurrency('c', 5, 60_000), limit('m', 2, 1000)])
      const first = await limiter.check('k', { cost: 2 })
      expect(first.lease).toBeDefined()
      expect(await limiter.check('k', { cost: 2 })).toMatchObject({ allowed: false, policy: 'm' })
      expect((await limiter.peek('k', { cost: 0, limits: ['c'] })).remaining).toBe(3)
      expect(await limiter.check('k', { cost: 4, limits: ['c'] })).toMatchObject({
        allowed: false,
        retryAfterMs: 60_000,
      })
      expect(await limiter.check('k', { cost: 3, limits: ['c'] })).toMatchObject({ allowed: true, remaining: 0 })
      await limiter.release('k', first.lease?.id as string)
      expect((await limiter.peek('k', { cost: 0, limits: ['c'] })).remaining).toBe(2)
      // A lease is released, never refunded; what it cost of the rates is not given back with it.
      await limiter.refund('k', { limits: ['c'], cost: 3 })
      expect((await limiter.peek('k', { cost: 0, limits: ['c'] })).remaining).toBe(2)
      expect((await limiter.check('k', { limits: ['m'] })).allowed).toBe(false)
    })

    it('asking takes no lease, nor does a check of other limits', async () => {
      const { limiter } = setUp([concurrency('c', 1, 60_000), limit('m', 5, 1000)])
      for (const result of [
        await limiter.peek('k'),
        await limiter.check('k', { cost: 0 }),
        await limiter.check('k', { limits: ['m'] }),
      ]) {
        expect(result.allowed).toBe(true)
        expect(result.lease).toBe(undefined)
      }
      expect((await limiter.check('k')).allowed).toBe(true)
      for (const id of ['', 'zz', 'x'.repeat(12)]) expect(await limiter.release('k', id)).toBe(false)
      await limiter.reset('k')
      expect((await limiter.check('k')).allowed).toBe(true)
    })
  })
}

function describeModes(name: string, setUp: SetUp): void {
  describe(`${name}: settle, shadow, near`, () => {
    it('settling gives back what was charged too much and charges what was too little, beyond the limit if need be', async () => {
      const { limiter, time } = setUp([limit('m', 10, 1000), gcra('g', 10, 1000)])
      const first = await limiter.check('k', { cost: 5 })
      await limiter.settle('k', { charged: 5, cost: 2, atMs: first.atMs })
      expect((await limiter.peek('k', { cost: 0 })).remaining).toBe(8)
      const second = await limiter.check('k', { cost: 1 })
      await limiter.settle('k', { charged: 1, cost: 15, atMs: second.atMs })
      expect(await limiter.check('k')).toMatchObject({ allowed: false, remaining: 0 })
      await limiter.settle('k', { charged: 3, cost: 3 })
      time.now = 790
      expect(await limiter.peek('k', { limits: ['g'] })).toMatchObject({ allowed: false, retryAfterMs: 10 })
      time.now = 999
      expect(await limiter.peek('k', { limits: ['m'] })).toMatchObject({ allowed: false, retryAfterMs: 1 })
      time.now = 1000
      expect((await limiter.check('k', { limits: ['m'], cost: 10 })).allowed).toBe(true)
      for (const wrong of [
        { charged: -1, cost: 1 },
        { charged: 1, cost: 0.5 },
      ]) {
        await expect((async () => limiter.settle('k', wrong))()).rejects.toMatchObject({ code: 'ERR_RATELIMIT_COST' })
      }
    })

    it('a shadow limit counts and tells, and refuses nobody', async () => {
      const events: { readonly type: string }[] = []
      const { limiter, time } = setUp([limit('m', 3, 1000), { ...limit('trial', 1, 1000), mode: 'shadow' }], {
        onEvent: (event) => events.push(event),
      })
      expect((await limiter.check('k')).shadowed).toBe(undefined)
      events.length = 0
      expect(await limiter.check('k')).toMatchObject({ allowed: true, policy: 'm', remaining: 1, shadowed: ['trial'] })
      expect(events).toEqual([{ type: 'shadow', key: 'k', policy: 'trial', retryAfterMs: 1000 }])
      await limiter.check('k')
      // What the others refuse a shadow limit does not see.
      expect(await limiter.check('k')).toEqual(expect.not.objectContaining({ shadowed: expect.anything() }))
      expect(limiter.stats()).toMatchObject({ allowed: 3, refused: 1, shadowed: 2 })
      time.now = 1000
      expect((await limiter.check('k')).shadowed).toBe(undefined)
      expect(await limiter.check('k', { limits: ['trial'] })).toMatchObject({
        allowed: true,
        policy: '',
        shadowed: ['trial'],
      })
    })

    it('coming near to a limit is told when it is crossed, once', async () => {
      const events: RateLimiterEvent[] = []
      const limits: Limit[] = [limit('m', 10, 1000), { ...gcra('g', 10, 1000), nearRatio: 1 }]
      const { limiter, time } = setUp(limits, { onEvent: (event) => events.push(event as RateLimiterEvent) })
      await limiter.check('k', { cost: 7 })
      expect(events).toEqual([])
      await limiter.check('k', { cost: 2 })
      await limiter.check('k')
      expect(events).toEqual([
        { type: 'near', key: 'k', policy: 'm', limit: 10, remaining: 1 },
        { type: 'near', key: 'k', policy: 'g', limit: 10, remaining: 0 },
      ])
      await limiter.check('k')
      time.now = 2000
      await limiter.check('k', { cost: 9, limits: ['m'] })
      expect(events).toHaveLength(3)
      expect(limiter.stats().near).toBe(3)
    })

    it('a listener that throws changes nothing', async () => {
      const { limiter } = setUp([{ ...limit('m', 1, 1000), mode: 'shadow' }], {
        onEvent: () => {
          throw new Error('no')
        },
      })
      expect((await limiter.check('k')).allowed).toBe(true)
      expect(await limiter.check('k')).toMatchObject({ allowed: true, shadowed: ['m'] })
    })
  })
}
