import { describe, expect, it } from 'vitest'
import { createRateLimiter } from '../src/index.ts'

function setUp(maxKeys: number, units = 5) {
  const time = { now: 0 }
  const limiter = createRateLimiter({
    limits: [{ name: 'm', algorithm: 'window', limit: units, windowMs: 1000 }],
    maxKeys,
    clock: () => time.now,
  })
  return { limiter, time }
}

describe('a flood of keys', () => {
  it('never makes a blocked or partly used key forgotten', () => {
    const { limiter } = setUp(100)
    for (let i = 0; i < 5; i++) limiter.check('blocked')
    limiter.check('partly', { cost: 3 })
    for (let i = 0; i < 20_000; i++) limiter.check(`flood-${i}`)
    expect(limiter.check('blocked').allowed).toBe(false)
    expect(limiter.peek('partly', { cost: 0 }).remaining).toBe(2)
    expect(limiter.size).toBe(100)
    expect(limiter.overflowed).toBeGreaterThan(0)
  })

  it('shares what is left out among a bounded number of entries: it refuses too much rather than too little', () => {
    const { limiter } = setUp(10)
    let allowed = 0
    for (let i = 0; i < 50_000; i++) if (limiter.check(`flood-${i}`).allowed) allowed++
    expect(allowed).toBeLessThanOrEqual((10 + 64) * 5)
    expect(limiter.size).toBe(10)
  })

  it('a key that was charged in a shared entry is not admitted anew when it gets its own', () => {
    const { limiter, time } = setUp(1, 2)
    limiter.check('first')
    time.now = 500
    expect(limiter.check('second').allowed).toBe(true)
    expect(limiter.check('second').allowed).toBe(true)
    expect(limiter.overflowed).toBe(2)
    time.now = 1100
    expect(limiter.check('second').allowed).toBe(false)
    expect(limiter.check('second', { cost: 0 }).remaining).toBe(0)
    time.now = 1499
    expect(limiter.check('second').allowed).toBe(false)
    time.now = 1500
    expect(limiter.check('second').allowed).toBe(true)
    expect(limiter.overflowed).toBe(2)
    expect(limiter.size).toBe(1)
  })

  it('copies what a shared entry holds, then goes its own way', () => {
    const { limiter, time } = setUp(1, 4)
    limiter.check('first')
    time.now = 500
    limiter.check('second', { cost: 2 })
    time.now = 1100
    expect(limiter.check('second')).toMatchObject({ allowed: true, remaining: 1 })
    expect(limiter.overflowed).toBe(1)
    expect(limiter.size).toBe(1)
    time.now = 1500
    expect(limiter.peek('second', { cost: 0 }).remaining).toBe(3)
  })

  it('takes entries back once their windows are empty, with no timer', () => {
    const { limiter, time } = setUp(100)
    for (let i = 0; i < 100; i++) limiter.check(`a-${i}`)
    time.now = 1000
    for (let i = 0; i < 100; i++) expect(limiter.check(`b-${i}`).allowed).toBe(true)
    expect(limiter.overflowed).toBe(0)
    expect(limiter.size).toBe(100)
    time.now = 2000
    for (let i = 0; i < 40; i++) limiter.check(`c-${i}`)
    expect(limiter.size).toBeLessThan(100)
  })

  it('keys that were never charged take no place', () => {
    const { limiter } = setUp(10)
    for (let i = 0; i < 1000; i++) {
      limiter.peek(`p-${i}`)
      limiter.check(`c-${i}`, { cost: 0 })
      limiter.check(`r-${i}`, { cost: 6 })
      limiter.refund(`f-${i}`)
      limiter.reset(`s-${i}`)
    }
    expect(limiter.size).toBe(0)
  })
})
