import { expect, test } from 'vitest'
import { OAuth2Error } from '../src/errors.ts'
import { createRemote } from '../src/issuer/remote.ts'

const setup = () => {
  const state = { now: 0, loads: 0, down: undefined as Error | undefined }
  const remote = createRemote<number>({
    what: 'the document',
    maxAgeMs: () => 600_000,
    maxStaleMs: 3_600_000,
    now: () => state.now,
    load: async () => {
      state.loads++
      await Promise.resolve()
      if (state.down !== undefined) throw state.down
      return state.loads
    },
  })
  return { state, remote }
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('one fetch serves all who wait, and later ones without a promise', async () => {
  const { state, remote } = setup()
  expect(await Promise.all(Array.from({ length: 100 }, () => remote.get()))).toEqual(Array(100).fill(1))
  expect(remote.get()).toBe(1)
  expect(state.loads).toBe(1)
})

test('past half its age it is refreshed behind the backs of its users', async () => {
  const { state, remote } = setup()
  await remote.get()
  state.now = 299_999
  expect([remote.get(), state.loads]).toEqual([1, 1])
  state.now = 300_000
  expect(remote.get()).toBe(1)
  await settled()
  expect([remote.get(), state.loads]).toEqual([2, 2])
  // Past its age it is waited for.
  state.now += 600_000
  expect(await remote.get()).toBe(3)
})

test('cold and down: an outage at once, one fetch a back-off, and a time to come back', async () => {
  const { state, remote } = setup()
  state.down = new Error('refused')
  for (let i = 0; i < 50; i++) {
    const error = await Promise.resolve(remote.get()).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(OAuth2Error)
    expect(error).toMatchObject({ code: 'ERR_OAUTH2_UNAVAILABLE', fault: 'unavailable', cause: state.down })
    expect((error as OAuth2Error).retryAfterMs).toBeGreaterThan(0)
  }
  expect(state.loads).toBe(1)
  const loadsIn = async (forMs: number): Promise<number> => {
    const before = state.loads
    for (const end = state.now + forMs; state.now < end; state.now += 100) {
      await Promise.resolve(remote.get()).catch(() => undefined)
    }
    return state.loads - before
  }
  expect(await loadsIn(60_000)).toBeLessThanOrEqual(7)
  // However long it lasts it is tried at least every 36 s.
  expect(await loadsIn(360_000)).toBeGreaterThanOrEqual(9)
  state.down = undefined
  state.now += 36_000
  expect(await remote.get()).toBe(state.loads)
  expect(remote.failing).toBe(false)
})

test('stale while down, until its time is over; then an outage; then well again', async () => {
  const { state, remote } = setup()
  await remote.get()
  state.down = new Error('refused')
  state.now = 600_000
  expect(await remote.get()).toBe(1)
  for (; state.now < 4_199_000; state.now += 1000) {
    expect(remote.get()).toBe(1)
    expect(remote.keepFresh()).toBe(true)
    await Promise.resolve()
  }
  expect(state.loads).toBeLessThan(150)
  await settled()
  state.now = 4_200_000
  expect(remote.keepFresh()).toBe(false)
  await expect(Promise.resolve(remote.get())).rejects.toMatchObject({ fault: 'unavailable' })
  state.down = undefined
  state.now += 36_000
  expect(await remote.get()).toBe(state.loads)
})

test('the server’s own Retry-After is kept to', async () => {
  const { state, remote } = setup()
  state.down = new OAuth2Error('ERR_OAUTH2_UNAVAILABLE', 'busy', { retryAfterMs: 45_000 })
  await expect(Promise.resolve(remote.get())).rejects.toMatchObject({ retryAfterMs: 45_000 })
  state.now = 44_999
  await expect(remote.refetch()).rejects.toMatchObject({ retryAfterMs: 1 })
  expect(state.loads).toBe(1)
})
