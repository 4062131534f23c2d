import { describe, expect, it } from 'vitest'
import { createRateLimiter, rateLimitFields, retryAfterSec } from '../src/index.ts'

const result = {
  allowed: true,
  limit: 100,
  remaining: 40,
  resetMs: 29_001,
  retryAfterMs: 0,
  policy: 'minute',
  windowMs: 60_000,
  atMs: 0,
}

describe('retryAfterSec', () => {
  it('is whole seconds, rounded up, at least 1 when refused', () => {
    expect(retryAfterSec({ allowed: false, retryAfterMs: 0.001 })).toBe(1)
    expect(retryAfterSec({ allowed: false, retryAfterMs: 1000 })).toBe(1)
    expect(retryAfterSec({ allowed: false, retryAfterMs: 1000.5 })).toBe(2)
    expect(retryAfterSec({ allowed: true, retryAfterMs: 0 })).toBe(0)
  })
})

describe('rateLimitFields', () => {
  it('writes structured fields', () => {
    expect(rateLimitFields(result)).toEqual({
      RateLimit: '"minute";r=40;t=30',
      'RateLimit-Policy': '"minute";q=100;w=60',
    })
    const refused = {
      ...result,
      allowed: false,
      remaining: 0,
      resetMs: 60_000,
      retryAfterMs: 1500,
      policy: 'burst',
      windowMs: 500,
    }
    expect(rateLimitFields([result, refused, result])).toEqual({
      RateLimit: '"minute";r=40;t=30, "burst";r=0;t=2',
      'RateLimit-Policy': '"minute";q=100;w=60, "burst";q=100;w=1',
    })
  })

  it('t is never later than Retry-After', () => {
    const limiter = createRateLimiter({
      limits: [{ name: 'm', algorithm: 'window', limit: 2, windowMs: 10_000 }],
      clock: () => 0,
    })
    limiter.check('k', { cost: 2 })
    const refused = limiter.check('k')
    expect(rateLimitFields(refused).RateLimit).toBe(`"m";r=0;t=${retryAfterSec(refused)}`)
  })

  it('adds unit and partition key', () => {
    const fields = rateLimitFields([result], {
      quotaUnit: 'content-bytes',
      partitionKey: new TextEncoder().encode('abc'),
    })
    expect(fields.RateLimit).toBe('"minute";r=40;t=30;pk=:YWJj:')
    expect(fields['RateLimit-Policy']).toBe('"minute";q=100;w=60;qu="content-bytes";pk=:YWJj:')
  })

  it('lets nothing out of its string', () => {
    expect(rateLimitFields({ ...result, policy: 'a"b\\c\r\nSet-Cookie: x' }).RateLimit).toBe(
      '"a\\"b\\\\c??Set-Cookie: x";r=40;t=30',
    )
  })

  it('leaves out the answer to no limit, and refuses unknown options', () => {
    expect(rateLimitFields({ ...result, policy: '' })).toEqual({ RateLimit: '', 'RateLimit-Policy': '' })
    expect(() => rateLimitFields(result, { unit: 'x' } as never)).toThrow('"unit"')
  })
})
