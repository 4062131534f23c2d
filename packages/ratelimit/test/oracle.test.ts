import { describe, expect, it } from 'vitest'
import { createRateLimiter } from '../src/index.ts'

const WINDOW_MS = 60_000

/** Exact by its definition: every admission with its time, oldest first; those outside (t - W, t] are passed over. */
function createOracle(limit: number) {
  const log: number[] = []
  let first = 0
  return {
    inWindow: (t: number): number => {
      while (first < log.length && (log[first] as number) <= t - WINDOW_MS) first++
      return log.length - first
    },
    admit: (t: number): void => {
      log.push(t)
    },
    fits(t: number): boolean {
      return this.inWindow(t) < limit
    },
  }
}

/** Deterministic, so that a failure can be repeated. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Arrival times for about eight windows. */
const traffics: Record<string, (limit: number) => number[]> = {
  'Poisson at the limit': (limit) => poisson(limit, 1),
  'Poisson at thrice the limit': (limit) => poisson(limit, 3),
  'bursts of an agent'(limit) {
    const random = createRandom(3)
    const times: number[] = []
    for (let t = 0; t < 8 * WINDOW_MS; t += random() * (120_000 * Math.min(1, 60 / limit))) {
      for (let i = 0; i < 5 + random() * 60; i++) times.push((t += Math.floor(20 + random() * 200)))
    }
    return times
  },
  'attacker around multiples of the window'(limit) {
    const times: number[] = []
    for (let n = 1; n <= 8; n++) {
      for (let i = 0; i < limit; i++) times.push(n * WINDOW_MS - 1)
      for (let i = 0; i < limit; i++) times.push(n * WINDOW_MS)
      for (let i = 0; i < limit; i++) times.push(n * WINDOW_MS + 1)
    }
    return times
  },
  'attacker who opens a window with one hit and empties it at its end'(limit) {
    const times: number[] = []
    for (let n = 0; n < 8; n++) {
      const start = n * (WINDOW_MS + 7)
      times.push(start)
      for (let i = 0; i < limit; i++) times.push(start + WINDOW_MS - 1)
      for (let i = 0; i < limit; i++) times.push(start + WINDOW_MS)
    }
    return times.toSorted((a, b) => a - b)
  },
  'attacker around the edges of the buckets'(limit) {
    const times: number[] = []
    const grain = WINDOW_MS / 32
    for (let n = 0; n < 8 * 33; n++)
      for (let i = 0; i < limit / 16; i++) times.push(Math.floor(n * grain) + (i % 3) - 1)
    return times.map((t) => t + 1).toSorted((a, b) => a - b)
  },
}

function poisson(limit: number, factor: number): number[] {
  const random = createRandom(limit * 31 + factor)
  const times: number[] = []
  for (let t = 0; t < 8 * WINDOW_MS; ) {
    t += (-Math.log(1 - random()) * WINDOW_MS) / (limit * factor)
    times.push(t)
  }
  return times
}

describe.each([1, 10, 100, 5000])('limit %i', (limit) => {
  it.each(Object.keys(traffics))('%s', (name) => {
    let now = 0
    const limiter = createRateLimiter({
      limits: [{ name: 'l', algorithm: 'window', limit, windowMs: WINDOW_MS }],
      clock: () => now,
    })
    const oracle = createOracle(limit)
    const bound = createOracle(limit)
    let admitted = 0
    let possible = 0
    let peak = 0
    for (const t of (traffics[name] as (limit: number) => number[])(limit)) {
      now = t
      const { allowed } = limiter.check('k')
      // The exact log over the limiter's own admissions says whether this one was right.
      if (limit <= 1024 && allowed !== oracle.fits(t)) expect.fail(`${allowed ? 'allowed' : 'refused'} at ${t}`)
      if (allowed) {
        oracle.admit(t)
        admitted++
        peak = Math.max(peak, oracle.inWindow(t))
      }
      if (bound.fits(t)) {
        bound.admit(t)
        possible++
      }
    }
    expect(peak).toBeLessThanOrEqual(limit)
    expect(peak).toBeGreaterThan(0)
    expect(admitted / possible).toBeGreaterThanOrEqual(limit <= 1024 ? 1 : 0.9)
  })
})
