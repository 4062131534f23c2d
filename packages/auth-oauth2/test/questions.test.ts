import { expect, test } from 'vitest'
import { callerOf, createQuestions } from '../src/verifier/questions.ts'

const busy = { code: 'ERR_OAUTH2_UNAVAILABLE', fault: 'unavailable', retryAfterMs: expect.any(Number) }

/** Starts a question that ends when it is told to. */
const open = (questions: ReturnType<typeof createQuestions>, address?: string) => {
  let end: (error?: Error) => void = () => undefined
  const done = questions.run(
    address,
    () =>
      new Promise<void>((resolve, reject) => {
        end = (error) => (error === undefined ? resolve() : reject(error))
      }),
  )
  return { done, end: (error?: Error) => end(error) }
}

test('eight of one address, however they end, and nothing is kept of an address without any', async () => {
  const questions = createQuestions()
  const eight = Array.from({ length: 8 }, () => open(questions, '192.0.2.1'))
  await expect(questions.run('192.0.2.1', async () => 'asked')).rejects.toMatchObject(busy)
  expect(await questions.run('192.0.2.2', async () => 'asked')).toBe('asked')
  expect(questions.callers).toBe(1)
  eight[0]?.end(new Error('closed'))
  await expect(eight[0]?.done).rejects.toThrow('closed')
  expect(await questions.run('192.0.2.1', async () => 'asked')).toBe('asked')
  for (const { end } of eight.slice(1)) end()
  await Promise.all(eight.slice(1).map(({ done }) => done))
  expect(questions.callers).toBe(0)
  // Also what throws at once.
  const thrower = (): never => {
    throw new Error('thrown')
  }
  for (let i = 0; i < 20; i++) await expect(questions.run('192.0.2.1', thrower)).rejects.toThrow('thrown')
  expect(questions.callers).toBe(0)
})

test('1000 of all, also of callers without an address', async () => {
  const questions = createQuestions()
  const all = Array.from({ length: 1000 }, (_, index) =>
    open(questions, index % 2 === 0 ? undefined : `10.0.0.${index}`),
  )
  await expect(questions.run(undefined, async () => 'asked')).rejects.toMatchObject(busy)
  await expect(questions.run('192.0.2.1', async () => 'asked')).rejects.toMatchObject(busy)
  expect(questions.callers).toBe(500)
  for (const { end } of all) end()
  await Promise.all(all.map(({ done }) => done))
  expect(await questions.run(undefined, async () => 'asked')).toBe('asked')
})

test('an IPv6 host is one caller with all addresses of its /64', () => {
  const same = ['2001:db8:1:2::1', '2001:db8:1:2::', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2:ffff::9']
  expect(new Set(same.map(callerOf))).toEqual(new Set(['2001:db8:1:2']))
  expect(callerOf('2001:db8::1')).toBe('2001:db8:0:0')
  expect(callerOf('1::5:6:7:8:9')).toBe('1:0:0:5')
  expect(callerOf('2001:db8:1:3::1')).not.toBe(callerOf('2001:db8:1:2::1'))
  expect(callerOf('::1')).not.toBe(callerOf('::1:0:0:0:1'))
  for (const other of ['192.0.2.1', '::ffff:192.0.2.1', 'unix', '']) expect(callerOf(other)).toBe(other)
})
