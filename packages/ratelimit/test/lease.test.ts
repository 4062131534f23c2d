import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRateLimiter, holdLease, RateLimitError } from '../src/index.ts'

const TTL_MS = 30_000
const BEAT_MS = TTL_MS / 3
const lease = { id: 'one', ttlMs: TTL_MS }
const down = new RateLimitError('ERR_RATELIMIT_STORE', 'Redis does not answer')
const never = () => new Promise<boolean>(() => undefined)
const after = (ms: number, held = true) => new Promise<boolean>((resolve) => setTimeout(() => resolve(held), ms))

type Renewal = () => boolean | Promise<boolean>

/** A lease whose renewals go as given in turn, the last one again and again. */
const hold = (renewals: readonly [Renewal, ...Renewal[]], ttlMs = TTL_MS) => {
  const lost = vi.fn()
  const release = vi.fn(() => true)
  const renew = vi.fn(() => (renewals[renew.mock.calls.length - 1] ?? (renewals.at(-1) as Renewal))())
  const held = holdLease({ renew, release }, 'k', { ...lease, ttlMs }, { onLost: lost })
  return { held, lost, release, renew }
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

describe.each<[string, (held: boolean) => boolean | Promise<boolean>, (error: unknown) => Renewal]>([
  [
    'a limiter that answers at once',
    (held) => held,
    (error) => () => {
      throw error
    },
  ],
  ['a limiter that promises', (held) => Promise.resolve(held), (error) => () => Promise.reject(error)],
])('with %s, a held lease', (_name, answer, failing) => {
  const yes = () => answer(true)
  const no = () => answer(false)

  it('is renewed every third of its time until it is released, once', async () => {
    const { held, lost, release, renew } = hold([yes])
    await pass(10 * TTL_MS)
    expect([renew.mock.calls.length, renew.mock.calls[0]]).toEqual([30, ['k', 'one']])
    await Promise.all([held.release(), held.release()])
    await held.release()
    await pass(10 * TTL_MS)
    expect([renew.mock.calls.length, release.mock.calls, lost.mock.calls]).toEqual([30, [['k', 'one']], []])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is lost once when it had run out, and not given back then', async () => {
    const { held, lost, release, renew } = hold([yes, no])
    await pass(2 * BEAT_MS - 1)
    expect(lost).not.toHaveBeenCalled()
    await pass(1)
    expect(lost).toHaveBeenCalledOnce()
    await pass(10 * TTL_MS)
    await held.release()
    expect([renew.mock.calls.length, lost.mock.calls.length, release.mock.calls.length]).toEqual([2, 1, 0])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is not lost when the store comes back in time', async () => {
    const { lost, renew } = hold([failing(down), yes, yes, failing(down), yes, failing(down), yes])
    await pass(10 * TTL_MS)
    expect([lost.mock.calls.length, renew.mock.calls.length]).toEqual([0, 30])
  })

  it('is lost, once, when nothing was confirmed for as long as it lives', async () => {
    const { lost, renew } = hold([yes, failing(down)])
    await pass(BEAT_MS + TTL_MS - 1)
    expect(lost).not.toHaveBeenCalled()
    await pass(1)
    expect(lost).toHaveBeenCalledOnce()
    const asked = renew.mock.calls.length
    await pass(10 * TTL_MS)
    expect([lost.mock.calls.length, renew.mock.calls.length]).toEqual([1, asked])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is lost when the store was never reached at all', async () => {
    const { lost } = hold([failing(down)])
    await pass(TTL_MS - 1)
    expect(lost).not.toHaveBeenCalled()
    await pass(1)
    expect(lost).toHaveBeenCalledOnce()
  })

  it('is lost, and the heartbeat over, when the limiter was closed', async () => {
    const { lost, renew } = hold([yes, failing(new RateLimitError('ERR_RATELIMIT_CLOSED', 'closed'))])
    await pass(2 * BEAT_MS)
    expect(lost).toHaveBeenCalledOnce()
    await pass(10 * TTL_MS)
    expect([lost.mock.calls.length, renew.mock.calls.length]).toEqual([1, 2])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('bears whatever is thrown, also what is no error', async () => {
    const { lost, renew } = hold([failing(undefined), yes, failing(null), yes, failing('CLOSED'), yes])
    await pass(3 * TTL_MS)
    expect([lost.mock.calls.length, renew.mock.calls.length]).toEqual([0, 9])
  })

  it('is at its end when it is lost, whatever onLost throws or rejects with', async () => {
    const rejections = vi.fn()
    process.on('unhandledRejection', rejections)
    const errors: (() => void)[] = [
      () => {
        throw new Error('of onLost')
      },
      () => Promise.reject(new Error('of onLost')),
    ]
    for (const onLost of errors) {
      for (const renewal of [no, failing(down)]) {
        const told = vi.fn(onLost)
        holdLease({ renew: renewal, release: () => true }, 'k', lease, { onLost: told })
        await pass(10 * TTL_MS)
        expect(told).toHaveBeenCalledOnce()
      }
    }
    vi.useRealTimers()
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', rejections)
    expect(rejections).not.toHaveBeenCalled()
  })
})

describe('a renewal that does not answer', () => {
  it('confirms nothing', async () => {
    const { lost } = hold([() => true, never])
    await pass(BEAT_MS + TTL_MS - 1)
    expect(lost).not.toHaveBeenCalled()
    await pass(1)
    expect(lost).toHaveBeenCalledOnce()
    await pass(10 * TTL_MS)
    expect(lost).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not keep the next one from being asked', async () => {
    const { lost, renew } = hold([never, () => true])
    await pass(10 * TTL_MS)
    expect([lost.mock.calls.length, renew.mock.calls.length]).toEqual([0, 30])
  })

  it('counts from when it was sent once it does, not from its answer', async () => {
    const { lost } = hold([() => after(BEAT_MS - 1), never])
    await pass(BEAT_MS + TTL_MS - 1)
    expect(lost).not.toHaveBeenCalled()
    await pass(1)
    expect(lost).toHaveBeenCalledOnce()
  })

  it('cannot take back what a later one confirmed', async () => {
    const { lost } = hold([() => after(BEAT_MS + 1), () => true, never])
    await pass(2 * BEAT_MS + TTL_MS - 1)
    expect(lost).not.toHaveBeenCalled()
    await pass(1)
    expect(lost).toHaveBeenCalledOnce()
  })

  it('tells of no loss twice', async () => {
    const { lost } = hold([() => after(TTL_MS, false), () => after(1, false)])
    await pass(10 * TTL_MS)
    expect(lost).toHaveBeenCalledOnce()
  })

  it.each([true, false])('begins no new heartbeat after release when it answers %s', async (held) => {
    const holder = hold([() => after(50, held)])
    await pass(BEAT_MS)
    expect(holder.renew).toHaveBeenCalledOnce()
    await holder.held.release()
    await pass(10 * TTL_MS)
    expect([holder.renew.mock.calls.length, holder.release.mock.calls.length]).toEqual([1, 1])
    expect([holder.lost.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0])
  })
})

describe('holdLease', () => {
  it('begins no new heartbeat when it is released from within a renewal', async () => {
    const release = vi.fn(() => true)
    const renew = vi.fn(() => {
      void held.release()
      return true
    })
    const held = holdLease({ renew, release }, 'k', lease)
    await pass(10 * TTL_MS)
    expect([renew.mock.calls.length, release.mock.calls.length, vi.getTimerCount()]).toEqual([1, 1, 0])
  })

  it('ends by itself when the limiter in memory is closed', async () => {
    const limiter = createRateLimiter({ limits: [{ name: 'c', algorithm: 'concurrency', limit: 1, windowMs: TTL_MS }] })
    const taken = limiter.check('k').lease
    const lost = vi.fn()
    const held = holdLease(limiter, 'k', taken as typeof lease, { onLost: lost })
    await pass(2 * TTL_MS)
    expect(lost).not.toHaveBeenCalled()
    limiter.close()
    await pass(BEAT_MS)
    expect([lost.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0])
    await held.release()
  })

  it('passes on why a lease could not be given back', async () => {
    const limiter = { renew: () => true, release: () => Promise.reject(down) }
    await expect(holdLease(limiter, 'k', lease).release()).rejects.toBe(down)
    const sync = {
      renew: () => true,
      release: () => {
        throw down
      },
    }
    await expect(holdLease(sync, 'k', lease).release()).rejects.toBe(down)
  })

  it('does not take a life longer than a timer can run for one that is over', async () => {
    const year = 366 * 86_400_000
    const { lost, renew } = hold([() => true, never], year)
    await pass(86_400_000)
    expect([renew.mock.calls.length, lost.mock.calls.length]).toEqual([1, 0])
    await pass(year - 1)
    expect(lost).not.toHaveBeenCalled()
    await pass(1)
    expect(lost).toHaveBeenCalledOnce()
  })

  it('keeps no process alive', () => {
    vi.useRealTimers()
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const { held } = hold([() => true])
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(before)
    return held.release()
  })
})
