import { describe, expect, it } from 'vitest'
import { createRateLimiter, type GcraLimit, type RateLimitResult, type WindowLimit } from '../src/index.ts'
import { createLimiterOverRedis } from '../src/redis-limiter.ts'
import { isSmooth, isTooMuch, type Load, traffics, WINDOW_MS } from './oracle-traffic.ts'
import { allIntervals, slidingLog } from './oracle-truths.ts'
import { useRedis } from './redis-server.ts'

const LONG = process.env['PORTCULLIS_LONG'] === '1'

const window = (limit: number): WindowLimit => ({ name: 'l', algorithm: 'window', limit, windowMs: WINDOW_MS })
const gcra = (limit: number, burst: number): GcraLimit => ({
  name: 'l',
  algorithm: 'gcra',
  limit,
  windowMs: WINDOW_MS,
  burst,
})
const limits: Record<string, WindowLimit | GcraLimit> = {
  'window of 1, exact': window(1),
  'window of 10, exact': window(10),
  'window of 100, exact': window(100),
  'window of 200, buckets': window(200),
  'window of 10,000, buckets': window(10_000),
  'gcra, burst 1': gcra(7, 1),
  'gcra, burst = limit': gcra(100, 100),
  'gcra, burst < limit': gcra(90, 11),
}

/** A limiter whose clock is set, in ticks: `ticksPerMs` of them are a millisecond. */
interface Timed {
  readonly ticksPerMs: number
  /** Everything that is asked at one moment. */
  ask(atMs: number, costs: readonly number[]): Promise<readonly RateLimitResult[]> | readonly RateLimitResult[]
}

async function judge(
  name: string,
  load: Load,
  limit: WindowLimit | GcraLimit,
  { ticksPerMs, ask }: Timed,
): Promise<void> {
  const buckets = limit.algorithm === 'window' && limit.limit > 128
  const windowTicks = WINDOW_MS * ticksPerMs
  const createTruth = () =>
    limit.algorithm === 'window' ? slidingLog(limit, windowTicks) : allIntervals(limit, windowTicks)
  const truth = createTruth()
  const possible = createTruth()
  const count = { asked: 0, admitted: 0, possible: 0 }
  const traffic = (traffics[name] as (load: Load) => ReturnType<(typeof traffics)[string]>)(load)
  for (let step = traffic.next(); !step.done; ) {
    const { costs, waited } = step.value
    const at = Math.round(step.value.atMs * ticksPerMs)
    const atMs = at / ticksPerMs
    const results = await ask(atMs, costs)
    for (const [index, { allowed, retryAfterMs }] of results.entries()) {
      const cost = costs[index] as number
      count.asked += cost
      const fits = truth.fits(at, cost)
      if (allowed && !fits) expect.fail(`allowed ${cost} at ${atMs}`)
      if (!allowed && fits && !buckets) expect.fail(`refused ${cost} at ${atMs}, retry after ${retryAfterMs}`)
      if (!allowed && waited) expect.fail(`refused ${cost} at ${atMs} whoever waited until then`)
      if (allowed !== (retryAfterMs === 0)) expect.fail(`allowed: ${allowed}, retry after ${retryAfterMs}`)
      if (allowed) {
        truth.admit(at, cost)
        count.admitted += cost
      }
      if (possible.fits(at, cost)) {
        possible.admit(at, cost)
        count.possible += cost
      }
    }
    step = traffic.next(results)
  }
  expect(count.admitted).toBeGreaterThan(0)
  if (isTooMuch(name)) expect(count.admitted).toBeLessThan(count.asked)
  if (isSmooth(name)) expect(count.admitted / count.possible).toBeGreaterThanOrEqual(buckets ? 0.97 : 1)
}

/** About `most` requests fill the limit; where it takes few, there are more windows. */
const loadOf = ({ limit }: { readonly limit: number }, most: number, windows: number): Load => {
  const cost = Math.ceil(limit / most)
  return { per: Math.floor(limit / cost), cost, windows: limit > 10 ? windows : 4 * windows }
}

describe.each(Object.entries(limits))('%s, in memory', (_, limit) => {
  it.each(Object.keys(traffics))('%s', (name) => {
    let now = 0
    const limiter = createRateLimiter({ limits: [limit], clock: () => now })
    return judge(name, loadOf(limit, LONG ? 10_000 : 500, LONG ? 8 : 6), limit, {
      ticksPerMs: 2 ** 32,
      ask(atMs, costs) {
        now = atMs
        return costs.map((cost) => limiter.check('k', { cost }))
      },
    })
  })
})

describe('over Redis', () => {
  const redis = useRedis()

  describe.each(Object.entries(limits))('%s', (title, limit) => {
    it.concurrent.each(Object.keys(traffics))(
      '%s',
      async (name) => {
        let now = 0
        const limiter = createLimiterOverRedis(
          {
            url: redis.server.url,
            limits: [limit],
            onStoreFailure: 'closed',
            commandTimeoutMs: 5000,
            cacheRefusalsMs: 0,
          },
          () => now,
        )
        try {
          await judge(name, loadOf(limit, LONG ? 400 : 50, LONG ? 8 : 4), limit, {
            ticksPerMs: 1000,
            ask(atMs, costs) {
              now = atMs
              return Promise.all(costs.map((cost) => limiter.check(`${title} ${name}`, { cost })))
            },
          })
        } finally {
          await limiter.close()
        }
      },
      LONG ? 300_000 : 30_000,
    )
  })
})
