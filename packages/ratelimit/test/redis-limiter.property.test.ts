import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { createRateLimiter, type Limit, type RateLimitResult } from '../src/index.ts'
import type { RedisRateLimiter } from '../src/redis.ts'
import { createLimiterOverRedis } from '../src/redis-limiter.ts'
import { useRedis } from './redis-server.ts'

const LIMITS: Limit[] = [
  { name: 'a', algorithm: 'window', limit: 3, windowMs: 10 },
  { name: 'b', algorithm: 'window', limit: 60, windowMs: 350 },
  { name: 'c', algorithm: 'window', limit: 2000, windowMs: 64 },
  { name: 'g', algorithm: 'gcra', limit: 7, windowMs: 30, burst: 9 },
  { name: 'fast', algorithm: 'gcra', limit: 2_000_000_000, windowMs: 1, burst: 900 },
  { name: 'l', algorithm: 'concurrency', limit: 5, windowMs: 40 },
  { name: 's', algorithm: 'window', limit: 4, windowMs: 30, mode: 'shadow' },
]

const redis = useRedis()
let limiter: RedisRateLimiter | undefined
let now = 0
let runs = 0
afterAll(() => limiter?.close())

const overRedis = (): RedisRateLimiter =>
  (limiter ??= createLimiterOverRedis(
    { url: redis.server.url, limits: LIMITS, onStoreFailure: 'closed', commandTimeoutMs: 5000, cacheRefusalsMs: 0 },
    () => now,
  ))

const wait = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.constantFrom(0, 9, 10, 63, 64, 350))
const cost = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 900 }))
const windows = LIMITS.slice(0, 3)
const names = fc.subarray(['a', 'b', 'c'], { minLength: 1 })
const allNames = fc.subarray(
  LIMITS.map(({ name }) => name),
  { minLength: 1 },
)
const LONG = process.env['PORTCULLIS_LONG'] === '1'

/** Exact by its definition: every admission with its time. */
interface Admission {
  readonly limit: string
  readonly at: number
  readonly cost: number
}

it('never more than the limit in any window, all limits or none, and where it counts exactly nothing too few', async () => {
  const step = fc.record({ wait, names, cost })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const key = `log ${++runs}`
      const log: Admission[] = []
      const used = (l: Limit) =>
        log.filter((one) => one.limit === l.name && one.at > now - l.windowMs).reduce((sum, one) => sum + one.cost, 0)
      for (const s of steps) {
        now += s.wait
        const fits = windows.filter((l) => s.names.includes(l.name)).map((l) => used(l) + s.cost <= l.limit)
        const { allowed } = await overRedis().check(key, { cost: s.cost, limits: s.names })
        if (allowed) for (const name of s.names) log.push({ limit: name, at: now, cost: s.cost })
        for (const l of windows) expect(used(l)).toBeLessThanOrEqual(l.limit)
        if (!s.names.includes('c')) expect(allowed).toBe(fits.every(Boolean))
      }
    }),
    { numRuns: 150 },
  )
}, 20_000)

interface Charge {
  readonly at: number
  readonly names: readonly string[]
  readonly cost: number
  readonly leases: readonly (string | undefined)[]
}

it(
  'answers as the limiter in memory does, whatever is asked of it',
  async () => {
    const act = fc.constantFrom(
      'check',
      'check',
      'check',
      'peek',
      'refund',
      'settle',
      'renew',
      'release',
      'reset' as const,
    )
    const step = fc.record({ wait, names: allNames, cost, act, back: fc.integer({ min: 0, max: 6 }) })
    /** Redis counts whole microseconds, rounded up. */
    const inUs = (ms: number) => Math.ceil(ms * 1000 - 1e-7) || 0
    /** Leases have names of their own in each. */
    const bare = ({ lease, resetMs, retryAfterMs, ...rest }: RateLimitResult) => ({
      ...rest,
      resetUs: inUs(resetMs),
      retryUs: inUs(retryAfterMs),
      ttlMs: lease?.ttlMs,
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const key = `mirror ${++runs}`
        const memory = createRateLimiter({ limits: LIMITS, maxKeys: 100, clock: () => now })
        const both = [memory, overRedis()] as const
        const charges: Charge[] = []
        for (const s of steps) {
          now += s.wait
          const wanted = { cost: s.cost, limits: s.names }
          const [charge] = s.act === 'check' || s.act === 'peek' ? [] : charges.slice(-1 - s.back)
          if (s.act === 'check' || s.act === 'peek') {
            const [ours, theirs] = await Promise.all(both.map((one) => one[s.act as 'check'](key, wanted)))
            expect(bare(theirs as RateLimitResult)).toEqual(bare(ours as RateLimitResult))
            if (s.act === 'check' && ours?.allowed && s.cost > 0)
              charges.push({ at: ours.atMs, names: s.names, cost: s.cost, leases: [ours.lease?.id, theirs?.lease?.id] })
          } else if (s.act === 'reset') {
            for (const one of both) await one.reset(key, { limits: s.names })
          } else if (s.act === 'renew' || s.act === 'release') {
            const [ours, theirs] = charge?.leases ?? []
            if (ours === undefined || theirs === undefined) continue
            expect(await overRedis()[s.act](key, theirs)).toBe(memory[s.act](key, ours))
          } else if (s.act === 'settle' && charge !== undefined) {
            const given = { charged: charge.cost, cost: s.cost, limits: charge.names, atMs: charge.at }
            for (const one of both) await one.settle(key, given)
          } else {
            const given = charge === undefined || s.back === 0 ? wanted : { ...wanted, atMs: charge.at }
            for (const one of both) await one.refund(key, given)
          }
        }
        for (const { name } of LIMITS) {
          const wanted = { cost: 1, limits: [name] }
          expect(bare(await overRedis().peek(key, wanted))).toEqual(bare(memory.peek(key, wanted)))
        }
      }),
      { numRuns: LONG ? 5000 : 400 },
    )
  },
  LONG ? 900_000 : 30_000,
)

it('whatever the server’s clock does, never more than the limit between two moments that it calls a window apart', async () => {
  const step = fc.record({ step: fc.integer({ min: -400, max: 60 }), pass: fc.integer({ min: 0, max: 40 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const key = `steps ${++runs}`
      // The true time only goes on; what the clock shows is behind by ever more.
      let trueTime = 0
      let behind = 0
      const log: number[] = []
      const base = now
      for (const s of steps) {
        trueTime += s.pass
        behind += Math.max(0, -s.step)
        now = base + trueTime - behind
        if ((await overRedis().check(key, { limits: ['a'] })).allowed) log.push(trueTime)
        expect(log.filter((at) => at > trueTime - 10).length).toBeLessThanOrEqual(3)
      }
      now = base + trueTime
    }),
    { numRuns: 100 },
  )
}, 20_000)
