import { describe, expect, it } from 'vitest'
import { createRateLimiter, type Limit, type RateLimiterOptions } from '../src/index.ts'
import { describeLimiter, limit } from './conformance.ts'

function setUp(limits: Limit[], options: Partial<RateLimiterOptions> = {}) {
  const time = { now: 0 }
  return { limiter: createRateLimiter({ limits, clock: () => time.now, ...options }), time }
}

describeLimiter('memory', setUp)

describe('the limiter in memory', () => {
  it('answers at once', () => {
    const { limiter } = setUp([limit('m', 1, 1000)])
    expect(limiter.check('k').allowed).toBe(true)
  })

  it('keeps an entry for each key that is charged, and none for others', () => {
    const { limiter } = setUp([limit('m', 2, 1000)])
    limiter.check('k', { cost: 0 })
    limiter.check('k', { cost: 3 })
    limiter.peek('k')
    expect(() => limiter.check('k', { limits: ['toString'] })).toThrow()
    expect(limiter.size).toBe(0)
    for (const key of ['a', '__proto__', 'x'.repeat(300), `${'x'.repeat(299)}y`]) limiter.check(key)
    expect(limiter.size).toBe(4)
    limiter.reset('a')
    expect(limiter.size).toBe(3)
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
    ['"leaky" is not one of', { limits: [{ ...good, algorithm: 'leaky' }] }],
    ['"toString" is not one of', { limits: [{ ...good, algorithm: 'toString' }] }],
    ['burst', { limits: [{ ...good, burst: 5 }] }],
    ['burst must', { limits: [{ ...good, algorithm: 'gcra', burst: 0 }] }],
    ['exact', { limits: [{ ...good, algorithm: 'concurrency', exact: true }] }],
    ['exact is possible for limits up to 1024', { limits: [{ ...good, limit: 1025, exact: true }] }],
    ['exact must', { limits: [{ ...good, exact: 1 }] }],
    ['mode', { limits: [{ ...good, mode: 'dry-run' }] }],
    ['nearRatio', { limits: [{ ...good, nearRatio: 0 }] }],
    ['nearRatio', { limits: [{ ...good, nearRatio: 1.1 }] }],
    ['onEvent', { limits: [good], onEvent: {} }],
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
})
