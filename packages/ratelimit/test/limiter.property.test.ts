import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createRateLimiter, type WindowLimit } from '../src/index.ts'

const LIMITS: WindowLimit[] = [
  { name: 'a', algorithm: 'window', limit: 3, windowMs: 10 },
  { name: 'b', algorithm: 'window', limit: 7, windowMs: 35 },
  { name: 'c', algorithm: 'window', limit: 2000, windowMs: 64 },
]
const names = fc.subarray(['a', 'b', 'c'], { minLength: 1 })
const key = fc.constantFrom('x', 'y', 'z')
const wait = fc.integer({ min: 0, max: 12 })
const cost = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 900 }))

/** Every unit with its time; a refund names the time, so that the model is exact. */
interface Unit {
  readonly key: string
  readonly limit: string
  readonly at: number
  cost: number
}

it('all or nothing: a check is charged to every named limit or to none, and never more than the limit is in a window', () => {
  const step = fc.record({ wait, key, names, cost, refund: fc.integer({ min: 0, max: 5 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let now = 0
      const limiter = createRateLimiter({ limits: LIMITS, maxKeys: 100, clock: () => now })
      const units: Unit[] = []
      const used = (k: string, l: WindowLimit): number =>
        units
          .filter((unit) => unit.key === k && unit.limit === l.name && unit.at > now - l.windowMs)
          .reduce((sum, unit) => sum + unit.cost, 0)
      for (const s of steps) {
        now += s.wait
        const before = LIMITS.map((l) => limiter.peek(s.key, { cost: 0, limits: [l.name] }).remaining)
        const result = limiter.check(s.key, { cost: s.cost, limits: s.names })
        const after = LIMITS.map((l) => limiter.peek(s.key, { cost: 0, limits: [l.name] }).remaining)
        LIMITS.forEach((l, i) => {
          const charged = result.allowed && s.names.includes(l.name) ? s.cost : 0
          expect((before[i] as number) - (after[i] as number)).toBe(charged)
          if (charged > 0) units.push({ key: s.key, limit: l.name, at: now, cost: charged })
          expect(used(s.key, l)).toBeLessThanOrEqual(l.limit)
          if (l.limit <= 1024) expect(after[i]).toBe(l.limit - used(s.key, l))
        })
        if (!result.allowed) expect(result.retryAfterMs).toBeGreaterThan(0)
        if (result.allowed && s.refund > 0) {
          limiter.refund(s.key, { cost: s.refund, limits: s.names, atMs: result.atMs })
          for (const name of s.names) {
            let left = s.refund
            for (const unit of units) {
              if (unit.key !== s.key || unit.limit !== name || unit.at !== now) continue
              const taken = Math.min(left, unit.cost)
              unit.cost -= taken
              left -= taken
            }
          }
        }
      }
    }),
    { numRuns: 300 },
  )
})

it('who waits retryAfterMs is allowed, and not a moment sooner where the limit is exact', () => {
  const times = fc.array(fc.tuple(fc.double({ min: 0, max: 40, noNaN: true }), fc.integer({ min: 1, max: 7 })), {
    minLength: 1,
    maxLength: 40,
  })
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 7 }), fc.constantFrom('b', 'c'), (arrivals, asked, name) => {
      let now = 0.1
      const limiter = createRateLimiter({ limits: LIMITS, maxKeys: 100, clock: () => now })
      const scale = name === 'c' ? 200 : 1
      for (const [pause, spent] of arrivals) {
        now += pause
        limiter.check('k', { cost: spent * scale, limits: [name] })
      }
      const refused = limiter.peek('k', { cost: asked * scale, limits: [name] })
      if (refused.allowed) return
      const start = now
      now = start + refused.retryAfterMs * 0.999
      expect(limiter.peek('k', { cost: asked * scale, limits: [name] }).allowed).toBe(false)
      now = start + refused.retryAfterMs
      expect(limiter.peek('k', { cost: asked * scale, limits: [name] }).allowed).toBe(true)
    }),
    { numRuns: 500 },
  )
})

it('a refund without a time never lets more than the limit of units that were not given back into a window', () => {
  const step = fc.record({ wait, cost: fc.integer({ min: 1, max: 7 }), settle: fc.integer({ min: 0, max: 7 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (steps, delay) => {
      let now = 0
      const limiter = createRateLimiter({ limits: LIMITS, maxKeys: 100, clock: () => now })
      const open: { at: number; cost: number; settle: number }[] = []
      const settled: { at: number; cost: number }[] = []
      for (const s of steps) {
        now += s.wait
        // Refunds come late and refer to older charges than the newest.
        if (open.length > delay) {
          const charge = open.shift() as (typeof open)[number]
          const back = Math.min(charge.settle, charge.cost)
          if (now - charge.at < 35) limiter.refund('k', { cost: back, limits: ['b'] })
          settled.push({ at: charge.at, cost: charge.cost - back })
        }
        if (limiter.check('k', { cost: s.cost, limits: ['b'] }).allowed)
          open.push({ at: now, cost: s.cost, settle: s.settle })
        const real = [...open, ...settled]
          .filter((unit) => unit.at > now - 35)
          .reduce((sum, unit) => sum + unit.cost, 0)
        expect(real).toBeLessThanOrEqual(7)
      }
    }),
    { numRuns: 500 },
  )
})
