import { expect, test } from 'vitest'
import { createSharedCalls } from '../src/client/shared-calls.ts'

test('calls are shared while they run and answers as long as they are kept; keys are not mixed up', async () => {
  const time = { ms: 0 }
  let made = 0
  const calls = createSharedCalls<number>({ maxEntries: 2, keepUntilMs: () => time.ms + 10, clock: () => time.ms })
  const run = (...key: string[]): Promise<number> => calls.run(key, async () => ++made)
  expect(await Promise.all([run('a'), run('a'), run('a', ''), run('a,')])).toEqual([1, 1, 2, 3])
  expect(await run('a,')).toBe(3)
  // The oldest made room.
  expect(await run('a')).toBe(4)
  time.ms = 10
  expect(await run('a')).toBe(5)
  calls.forget((value) => value === 5)
  expect(await run('a')).toBe(6)
})

test('a failure is shared by those who wait and forgotten', async () => {
  const calls = createSharedCalls<number>({ maxEntries: 2, keepUntilMs: () => 1, clock: () => 0 })
  const fail = (): Promise<number> => Promise.reject(new Error('no'))
  const both = [calls.run(['a'], fail), calls.run(['a'], async () => 1)]
  expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await calls.run(['a'], async () => 2)).toBe(2)
})
