import type { Lease } from './types.ts'

/** What keeps leases: both limiters. */
export interface LeaseKeeper {
  renew(key: string, leaseId: string): boolean | Promise<boolean>
  release(key: string, leaseId: string): boolean | Promise<boolean>
}

export interface HeldLease {
  /** Ends the heartbeat and gives the lease back, once; rejects as the limiter's `release` does. Does nothing when the lease is lost. */
  release(): Promise<void>
}

const MAX_BEAT_MS = 86_400_000
const MAX_TIMER_MS = 2_147_483_647

/**
 * Renews a lease every third of its time to live (at least once a day) until it is released, by timers that keep no process alive. `onLost` is called, once, as soon as
 * others may be at work in its place: when a renewal finds it run out, when its `ttlMs` have passed since the last renewal that was confirmed (or else since this
 * call), whether the store answers or not, or when the limiter was closed. The heartbeat is over then. A renewal counts from when it was sent, and one that fails
 * or hangs counts for nothing: the next is sent all the same. Time is monotonic. What `onLost` throws is dropped.
 */
export function holdLease(
  limiter: LeaseKeeper,
  key: string,
  lease: Lease,
  options: { readonly onLost?: () => void | Promise<void> } = {},
): HeldLease {
  const beatMs = Math.min(Math.max(1, lease.ttlMs / 3), MAX_BEAT_MS)
  let confirmedAt = performance.now()
  let ended = false
  let nextBeat: NodeJS.Timeout
  let deadline: NodeJS.Timeout
  const end = (): void => {
    ended = true
    clearTimeout(nextBeat)
    clearTimeout(deadline)
  }
  const lose = async (): Promise<void> => {
    if (ended) return
    end()
    try {
      await options.onLost?.()
    } catch {}
  }
  const watch = (): void => {
    const leftMs = confirmedAt + lease.ttlMs - performance.now()
    if (leftMs <= 0) void lose()
    else deadline = setTimeout(watch, Math.min(Math.ceil(leftMs), MAX_TIMER_MS)).unref()
  }
  const beat = async (): Promise<void> => {
    // Before the renewal is sent: it may hang.
    schedule()
    const sentAt = performance.now()
    try {
      if (await limiter.renew(key, lease.id)) confirmedAt = Math.max(confirmedAt, sentAt)
      else await lose()
    } catch (error) {
      // Any other failure may pass, and the deadline stands.
      if ((error as { code?: unknown } | null | undefined)?.code === 'ERR_RATELIMIT_CLOSED') await lose()
    }
  }
  const schedule = (): void => {
    nextBeat = setTimeout(() => void beat(), beatMs).unref()
  }
  schedule()
  watch()
  return {
    async release() {
      if (ended) return
      end()
      await limiter.release(key, lease.id)
    },
  }
}
