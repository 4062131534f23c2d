import fc from 'fast-check'
import { type BareItem, parseList } from 'structured-headers'
import { describe, expect, it } from 'vitest'
import { createRateLimiter, type Limit, rateLimitFields, retryAfterSec } from '../src/index.ts'

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

/** As somebody else reads it. */
const read = (field: string): [BareItem, Record<string, BareItem>][] =>
  parseList(field).map(([value, parameters]) => [value as BareItem, Object.fromEntries(parameters)])

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

  it('never tells a client that it may be faster than the policy', () => {
    // Nothing charged, or all but nothing: r over t must not be 10,000 a second.
    const idle = { ...result, limit: 10_000, windowMs: 1_000_000, remaining: 10_000, resetMs: 0 }
    expect(rateLimitFields(idle).RateLimit).toBe('"minute";r=10000;t=1000')
    expect(rateLimitFields({ ...idle, remaining: 9999, resetMs: 10_000 }).RateLimit).toBe('"minute";r=9999;t=1000')
    // Refused for its cost alone: what is left fits, but not all of it within the retry time.
    const costly = { ...result, allowed: false, remaining: 50, retryAfterMs: 3000 }
    expect(rateLimitFields(costly).RateLimit).toBe('"minute";r=5;t=3')
  })

  it('adds unit and partition key', () => {
    const fields = rateLimitFields([result], {
      quotaUnit: 'content-bytes',
      partitionKey: new TextEncoder().encode('abc'),
    })
    expect(fields.RateLimit).toBe('"minute";r=40;t=30;pk=:YWJj:')
    expect(fields['RateLimit-Policy']).toBe('"minute";q=100;w=60;qu="content-bytes";pk=:YWJj:')
    expect(() => rateLimitFields(result, { quotaUnit: 'bananas' as never })).toThrow('quotaUnit')
  })

  it('names all limits of the decision, the same in every answer, without those that only watch', () => {
    const policies: Limit[] = [
      { name: 'minute', algorithm: 'window', limit: 100, windowMs: 60_000 },
      { name: 'burst', algorithm: 'gcra', limit: 10, windowMs: 1000, burst: 20 },
      { name: 'trial', algorithm: 'window', limit: 1, windowMs: 1000, mode: 'shadow' },
      { name: 'at once', algorithm: 'concurrency', limit: 3, windowMs: 30_000 },
    ]
    const fields = rateLimitFields(result, { policies })
    expect(fields.RateLimit).toBe('"minute";r=40;t=30')
    expect(fields['RateLimit-Policy']).toBe(
      '"minute";q=100;w=60, "burst";q=10;w=1, "at once";q=3;qu="concurrent-requests"',
    )
    // How long a lease lasts is no window, and when a slot is free nobody knows.
    const full = { ...result, policy: 'at once', limit: 3, remaining: 0, allowed: false, retryAfterMs: 30_000 }
    expect(rateLimitFields(full, { policies })).toEqual({
      RateLimit: '"at once";r=0',
      'RateLimit-Policy': fields['RateLimit-Policy'],
    })
    expect(rateLimitFields(full, { quotaUnit: 'concurrent-requests' })).toEqual({
      RateLimit: '"at once";r=0',
      'RateLimit-Policy': '"at once";q=3;qu="concurrent-requests"',
    })
  })

  it('is what a parser of structured fields reads', () => {
    const unit = fc.constantFrom(undefined, 'requests', 'content-bytes', 'concurrent-requests' as const)
    const some = fc.record({
      allowed: fc.boolean(),
      limit: fc.integer({ min: 1, max: 2_147_483_647 }),
      left: fc.double({ min: 0, max: 2, noNaN: true }),
      wait: fc.double({ min: 1e-6, max: 1, noNaN: true }),
      reset: fc.double({ min: 0, max: 1, noNaN: true }),
      windowMs: fc.integer({ min: 1, max: 366 * 86_400_000 }),
      policy: fc.stringMatching(/^[\x20-\x7e]{1,64}$/),
      partitionKey: fc.uint8Array({ maxLength: 40 }),
      unit,
    })
    fc.assert(
      fc.property(some, ({ left, wait, reset, unit, partitionKey, ...rest }) => {
        const { windowMs, limit, allowed, policy } = rest
        const remaining = Math.floor(limit * left)
        const retryAfterMs = allowed ? 0 : wait * windowMs
        const one = { ...rest, remaining, retryAfterMs, resetMs: Math.max(reset * windowMs, retryAfterMs), atMs: 0 }
        const fields = rateLimitFields(one, { partitionKey, ...(unit === undefined ? {} : { quotaUnit: unit }) })
        const [[name, { pk, ...state }], ...more] = read(fields.RateLimit) as [[BareItem, Record<string, number>]]
        const [[samePolicy, { pk: samePk, ...rule }]] = read(fields['RateLimit-Policy']) as [
          [BareItem, Record<string, number>],
        ]
        expect([name, samePolicy, more.length]).toEqual([policy, policy, 0])
        for (const key of [pk, samePk]) expect(new Uint8Array(key as unknown as ArrayBuffer)).toEqual(partitionKey)
        const { r, t } = state as { r: number; t: number }
        const { q, w, qu } = rule as { q: number; w: number; qu?: unknown }
        expect([q, qu]).toEqual([limit, unit])
        expect(r).toBeLessThanOrEqual(remaining)
        expect(Number.isInteger(r) && r >= 0).toBe(true)
        if (unit === 'concurrent-requests') {
          expect([t, w, r]).toEqual([undefined, undefined, remaining])
          return
        }
        expect([w, Number.isInteger(t) && t >= 0]).toEqual([Math.ceil(windowMs / 1000), true])
        expect(r * w).toBeLessThanOrEqual(t * q * (1 + 1e-12))
        if (allowed) expect(r).toBe(remaining)
        else expect(t).toBeLessThanOrEqual(retryAfterSec(one))
      }),
      { numRuns: 500 },
    )
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
