import { describe, expect, it } from 'vitest'
import { createRateLimiter, RateLimitError, type RateLimiterOptions, type WindowLimit } from '../src/index.ts'

const limit = (name: string, units: number, windowMs: number): WindowLimit => ({
  name,
  algorithm: 'window',
  limit: units,
  windowMs,
})

function setUp(limits: WindowLimit[], maxKeys?: number) {
  const time = { now: 0 }
  const limiter = createRateLimiter({ limits, clock: () => time.now, ...(maxKeys === undefined ? {} : { maxKeys }) })
  return { limiter, time }
}

describe('check', () => {
  it('allows the limit, refuses the rest, and the window is half-open', () => {
    const { limiter, time } = setUp([limit('m', 2, 1000)])
    expect(limiter.check('k')).toEqual({
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
    expect(limiter.check('k')).toMatchObject({ allowed: true, remaining: 0 })
    expect(limiter.check('k')).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 600, resetMs: 1000 })
    time.now = 999
    expect(limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 1 })
    time.now = 1000
    expect(limiter.check('k')).toMatchObject({ allowed: true, remaining: 0 })
    expect(limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 400 })
  })

  it('refusals charge nothing', () => {
    const { limiter } = setUp([limit('m', 10, 1000)])
    expect(limiter.check('k', { cost: 8 }).allowed).toBe(true)
    expect(limiter.check('k', { cost: 5 })).toMatchObject({ allowed: false, remaining: 2 })
    expect(limiter.check('k', { cost: 2 })).toMatchObject({ allowed: true, remaining: 0 })
  })

  it('keys do not touch each other, names of Object.prototype included', () => {
    const { limiter } = setUp([limit('m', 1, 1000)])
    for (const key of ['a', 'b', '', '__proto__', 'constructor', 'x'.repeat(300), `${'x'.repeat(299)}y`, '\uD800']) {
      expect(limiter.check(key).allowed).toBe(true)
      expect(limiter.check(key).allowed).toBe(false)
    }
    expect(limiter.size).toBe(8)
  })

  it('holds all limits at once and answers the one that refuses longest', () => {
    const { limiter, time } = setUp([
      limit('second', 1, 1000),
      limit('minute', 3, 60_000),
      limit('hour', 100, 3_600_000),
    ])
    expect(limiter.check('k')).toMatchObject({ allowed: true, policy: 'second', remaining: 0 })
    expect(limiter.check('k')).toMatchObject({ allowed: false, policy: 'second', retryAfterMs: 1000 })
    time.now = 1000
    limiter.check('k')
    time.now = 2000
    limiter.check('k')
    expect(limiter.check('k')).toMatchObject({ allowed: false, policy: 'minute', retryAfterMs: 58_000 })
    expect(limiter.peek('k', { cost: 0, limits: ['hour'] }).remaining).toBe(97)
  })

  it('only the named limits, each once', () => {
    const { limiter } = setUp([limit('a', 2, 1000), limit('b', 5, 1000)])
    expect(limiter.check('k', { limits: ['a', 'a'] })).toMatchObject({ policy: 'a', remaining: 1 })
    expect(limiter.peek('k', { limits: ['b'] }).remaining).toBe(5)
    expect(limiter.check('k', { limits: [] })).toMatchObject({ allowed: true, policy: '' })
    expect(limiter.peek('k').remaining).toBe(1)
  })

  it('cost 0 asks; a cost above the limit is refused with a finite answer', () => {
    const { limiter } = setUp([limit('m', 2, 1000)])
    expect(limiter.check('k', { cost: 0 })).toMatchObject({ allowed: true, remaining: 2, resetMs: 0 })
    expect(limiter.check('k', { cost: 3 })).toMatchObject({ allowed: false, remaining: 2, retryAfterMs: 1000 })
    expect(limiter.size).toBe(0)
    limiter.check('k', { cost: 2 })
    expect(limiter.check('k', { cost: 0 })).toMatchObject({ allowed: true, remaining: 0 })
  })

  it('a clock that steps back or answers nonsense stands still', () => {
    const { limiter, time } = setUp([limit('m', 1, 1000)])
    time.now = 5000
    limiter.check('k')
    for (const now of [0, Number.NaN, Number.POSITIVE_INFINITY, -1e9]) {
      time.now = now
      expect(limiter.check('k')).toMatchObject({ allowed: false, retryAfterMs: 1000, atMs: 5000 })
    }
    time.now = 6000
    expect(limiter.check('k').allowed).toBe(true)
  })

  it('a clock that never answers a number is a fault, not a pass', () => {
    const limiter = createRateLimiter({ limits: [limit('m', 1, 1000)], clock: () => Number.NaN })
    expect(() => limiter.check('k')).toThrow('no finite number')
  })

  it('runs on the real clock', () => {
    const limiter = createRateLimiter({ limits: [limit('m', 1, 3_600_000)] })
    expect(limiter.check('k').allowed).toBe(true)
    expect(limiter.check('k').allowed).toBe(false)
  })

  it('windows from 1 ms to 366 days', () => {
    const { limiter, time } = setUp([limit('short', 1, 1), limit('long', 3, 366 * 86_400_000)])
    for (let i = 0; i < 3; i++) {
      expect(limiter.check('k').allowed).toBe(true)
      expect(limiter.check('k')).toMatchObject({ allowed: false })
      time.now++
    }
    expect(limiter.check('k')).toMatchObject({ allowed: false, policy: 'long', retryAfterMs: 366 * 86_400_000 - 3 })
    time.now = 366 * 86_400_000
    expect(limiter.check('k').allowed).toBe(true)
  })
})

describe('peek, refund, reset, close', () => {
  it('peek changes nothing', () => {
    const { limiter } = setUp([limit('m', 1, 1000)])
    expect(limiter.peek('k')).toMatchObject({ allowed: true, remaining: 1 })
    expect(limiter.peek('k')).toMatchObject({ allowed: true, remaining: 1 })
    expect(limiter.size).toBe(0)
    limiter.check('k')
    expect(limiter.peek('k')).toMatchObject({ allowed: false, remaining: 0 })
  })

  it('refund gives back what was charged and never more', () => {
    const { limiter } = setUp([limit('m', 5, 1000)])
    limiter.refund('k')
    limiter.check('k', { cost: 5 })
    limiter.refund('k', { cost: 3 })
    expect(limiter.check('k', { cost: 3 }).allowed).toBe(true)
    limiter.refund('k', { cost: 1000 })
    expect(limiter.peek('k', { cost: 5 }).allowed).toBe(true)
    expect(limiter.peek('k', { cost: 6 }).allowed).toBe(false)
  })

  it('without a time the oldest units go, so that a late refund lets nothing extra through', () => {
    const { limiter, time } = setUp([limit('m', 2, 100)])
    limiter.check('k')
    time.now = 50
    limiter.check('k')
    limiter.refund('k')
    expect(limiter.check('k').allowed).toBe(true)
    time.now = 100
    expect(limiter.check('k').allowed).toBe(false)
    time.now = 150
    expect(limiter.check('k', { cost: 2 }).allowed).toBe(true)
  })

  it('with the time of the charge exactly its units go, or none once they have left the window', () => {
    const { limiter, time } = setUp([limit('m', 3, 100)])
    const first = limiter.check('k', { cost: 2 })
    time.now = 50
    const second = limiter.check('k')
    limiter.refund('k', { atMs: second.atMs, cost: 5 })
    expect(limiter.peek('k', { cost: 0 }).remaining).toBe(1)
    limiter.check('k')
    time.now = 100
    limiter.refund('k', { atMs: first.atMs, cost: 2 })
    expect(limiter.peek('k', { cost: 0 }).remaining).toBe(2)
  })

  it('charging ahead and settling later does not wear the limit out', () => {
    const { limiter, time } = setUp([limit('m', 100, 60_000)])
    for (let i = 0; i < 1000; i++) {
      const charged = limiter.check('k', { cost: 5 })
      expect(charged.allowed).toBe(true)
      limiter.refund('k', { cost: 4, atMs: charged.atMs })
      time.now += 1000
    }
  })

  it('reset forgets the key, or one limit of it', () => {
    const { limiter } = setUp([limit('a', 1, 1000), limit('b', 1, 1000)])
    limiter.check('k')
    limiter.reset('k', { limits: ['a'] })
    expect(limiter.check('k', { limits: ['a'] }).allowed).toBe(true)
    expect(limiter.check('k', { limits: ['b'] }).allowed).toBe(false)
    limiter.reset('k')
    expect(limiter.size).toBe(0)
    expect(limiter.check('k').allowed).toBe(true)
    limiter.reset('nobody')
  })

  it('after close every call says so', () => {
    const { limiter } = setUp([limit('m', 1, 1000)])
    limiter.check('k')
    limiter.close()
    limiter.close()
    for (const use of [limiter.check, limiter.peek, limiter.refund, limiter.reset]) {
      expect(() => use('k')).toThrow(expect.objectContaining({ code: 'ERR_RATELIMIT_CLOSED', fault: 'unavailable' }))
    }
    expect(limiter.size).toBe(0)
  })
})

describe('what is refused', () => {
  const good = limit('m', 1, 1000)
  const bad: [string, unknown][] = [
    ['limits', {}],
    ['limits', { limits: [] }],
    ['options', null],
    ['maxKey', { limits: [good], maxKey: 5 }],
    ['maxKeys', { limits: [good], maxKeys: 0 }],
    ['maxKeys', { limits: [good], maxKeys: Number.POSITIVE_INFINITY }],
    ['clock', { limits: [good], clock: 5 }],
    ['twice', { limits: [good, good] }],
    ['limits[0]', { limits: [null] }],
    ['name', { limits: [{ ...good, name: '' }] }],
    ['name', { limits: [{ ...good, name: 'a"b' }] }],
    ['name', { limits: [{ ...good, name: 'a\r\nX: y' }] }],
    ['"gcra"', { limits: [{ ...good, algorithm: 'gcra' }] }],
    ['"concurrency"', { limits: [{ ...good, algorithm: 'concurrency' }] }],
    ['limit must', { limits: [{ ...good, limit: 0 }] }],
    ['limit must', { limits: [{ ...good, limit: 1.5 }] }],
    ['limit must', { limits: [{ ...good, limit: Number.NaN }] }],
    ['windowMs', { limits: [{ ...good, windowMs: 0 }] }],
    ['windowMs', { limits: [{ ...good, windowMs: 400 * 86_400_000 }] }],
    ['"window"', { limits: [{ ...good, window: 5 }] }],
  ]
  it.each(bad)('options: %s', (problem, options) => {
    expect(() => createRateLimiter(options as RateLimiterOptions)).toThrow(problem)
    expect(() => createRateLimiter(options as RateLimiterOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_RATELIMIT_OPTIONS' }),
    )
  })

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '1', null])('cost %j', (cost) => {
    const { limiter } = setUp([good])
    const options = { cost: cost as number }
    const attempt = () => limiter.check('k', options)
    if (cost === null) expect(attempt().allowed).toBe(true)
    else expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_RATELIMIT_COST', fault: 'invalid' }))
  })

  it('keys and names of limits', () => {
    const { limiter } = setUp([good])
    expect(() => limiter.check(5 as unknown as string)).toThrow(expect.objectContaining({ code: 'ERR_RATELIMIT_KEY' }))
    expect(() => limiter.check('k', { limits: ['x\n'] })).toThrow('there is no limit "x\\n"')
    expect(() => limiter.check('k', { limits: ['toString'] })).toThrow(RateLimitError)
    expect(limiter.size).toBe(0)
  })
})
