import { afterEach, describe, expect, test } from 'vitest'
import { type EpochWatch, watchEpoch } from '../src/redis-epoch.ts'

let watch: EpochWatch | undefined
afterEach(() => watch?.close())

/** A watch that polls only when told to, over a store whose answers are given by hand. */
const setUp = (maxStaleMs = 900) => {
  const state = { now: 1000, polls: [] as { answer: (epoch: string) => void; fail: () => void }[] }
  watch = watchEpoch({
    maxStaleMs,
    pollMs: 60_000,
    clock: () => state.now,
    read: () =>
      new Promise((resolve, reject) => state.polls.push({ answer: resolve, fail: () => reject(new Error('down')) })),
  })
  const poll = async (epoch: string) => {
    const done = watch?.poll()
    state.polls.pop()?.answer(epoch)
    await done
  }
  return { epoch: watch, state, poll }
}

describe('freshness', () => {
  test('counts from when the read began, not from when it was answered', async () => {
    const { epoch, state } = setUp()
    expect(epoch.isFresh()).toBe(false)
    const done = epoch.poll()
    state.now += 500
    state.polls.pop()?.answer('1.a')
    await done
    expect(epoch.isFresh()).toBe(true)
    state.now += 399
    expect(epoch.isFresh()).toBe(true)
    state.now += 1
    expect(epoch.isFresh()).toBe(false)
  })

  test('does not come from reads that fail, nor from a clock that goes back or answers nonsense', async () => {
    const { epoch, state, poll } = setUp()
    await poll('1.a')
    state.now += 800
    const done = epoch.poll()
    state.polls.pop()?.fail()
    await done
    state.now += 100
    expect(epoch.isFresh()).toBe(false)
    state.now = 0
    expect(epoch.isFresh()).toBe(false)
    state.now = Number.NaN
    expect(epoch.isFresh()).toBe(false)
  })

  test('0 is never', async () => {
    const { epoch, poll } = setUp(0)
    await poll('1.a')
    expect(epoch.isFresh()).toBe(false)
  })
})

describe('generations', () => {
  test('end when the epoch is another, greater or less, and not when it is the same', async () => {
    const { epoch, poll } = setUp()
    await poll('5.a')
    const seen = [epoch.generation]
    for (const next of ['5.a', '6.b', '4.c', '4.d', '0']) {
      await poll(next)
      seen.push(epoch.generation)
    }
    const [first = 0] = seen
    expect(seen.map((one) => one - first)).toEqual([0, 0, 1, 2, 3, 4])
  })

  test('go on through changes that follow each other, and end at a gap', async () => {
    const { epoch, poll } = setUp()
    await poll('1.a')
    const { generation } = epoch
    expect(epoch.moved('1.a', '2.b')).toBe('next')
    expect(epoch.moved('1.a', '2.b')).toBe('known')
    expect(epoch.moved('2.b', '3.c')).toBe('next')
    expect([epoch.generation, epoch.isFresh()]).toEqual([generation, true])
    expect(epoch.moved('4.d', '5.e')).toBe('missed')
    expect([epoch.generation, epoch.isFresh()]).toEqual([generation + 1, false])
    expect(epoch.moved('', '')).toBe('missed')
  })

  test('go on when a poll began before a change that was heard of', async () => {
    const { epoch, state, poll } = setUp()
    await poll('1.a')
    const { generation } = epoch
    const done = epoch.poll()
    epoch.moved('1.a', '2.b')
    state.polls.pop()?.answer('1.a')
    await done
    expect([epoch.generation, epoch.isFresh()]).toEqual([generation, true])
    expect(epoch.saw('2.b', state.now)).toBe(true)
  })

  test('a poll that began before a loss is no answer to it: it asks again', async () => {
    const { epoch, state, poll } = setUp()
    await poll('1.a')
    const done = epoch.poll()
    epoch.lost()
    state.polls.pop()?.answer('1.a')
    await new Promise((resolve) => setImmediate(resolve))
    expect(epoch.isFresh()).toBe(false)
    expect(state.polls).toHaveLength(1)
    state.polls.pop()?.answer('2.b')
    await done
    expect(epoch.isFresh()).toBe(true)
    expect(epoch.saw('2.b', state.now)).toBe(true)
  })

  test('a record that came with another epoch is kept by nobody', async () => {
    const { epoch, state, poll } = setUp()
    expect(epoch.saw('1.a', state.now)).toBe(true)
    expect(epoch.isFresh()).toBe(true)
    await poll('1.a')
    const { generation } = epoch
    expect(epoch.saw('2.b', state.now)).toBe(false)
    expect([epoch.generation, epoch.isFresh()]).toEqual([generation + 1, false])
  })
})
