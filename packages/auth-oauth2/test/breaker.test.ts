import { expect, test } from 'vitest'
import { createBreaker } from '../src/issuer/breaker.ts'

test('after three failures one call at a time is let through, later and later', async () => {
  const time = { ms: 0 }
  const breaker = createBreaker('it', () => time.ms)
  let asked = 0
  const fail = (): Promise<never> => {
    asked++
    return Promise.reject(new Error('down'))
  }
  const attempt = (): Promise<unknown> => breaker.run(fail).catch((error: unknown) => error)
  for (let i = 0; i < 10; i++) await attempt()
  expect(asked).toBe(3)
  expect(await attempt()).toMatchObject({ code: 'ERR_OAUTH2_UNAVAILABLE', fault: 'unavailable' })
  time.ms += 1200
  await Promise.all([attempt(), attempt(), attempt()])
  expect(asked).toBe(4)
  time.ms += 1200
  await attempt()
  expect(asked).toBe(4)
  time.ms += 1200
  await attempt()
  expect(asked).toBe(5)
  time.ms += 36_000
  expect(await breaker.run(async () => 'well')).toBe('well')
  await attempt()
  await attempt()
  expect(asked).toBe(7)
})
