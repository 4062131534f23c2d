import type { RateLimitResult } from './types.ts'

const MAX_KEYS = 10_000

interface Known {
  readonly result: RateLimitResult
  readonly cost: number
  /** The place of the limit that refused. */
  readonly index: number
  readonly receivedMs: number
  /** From then on Redis is asked again. */
  readonly untilMs: number
}

/**
 * Refusals that still stand, so that a flood of a key that is over its limit costs no round trip. A refusal stands until its retry time, which is counted
 * from before it was asked for: nobody is refused who would be allowed.
 */
export interface Refusals {
  get(key: string, cost: number, selected: readonly number[]): RateLimitResult | undefined
  set(key: string, cost: number, index: number, result: RateLimitResult, askedMs: number): void
  delete(key: string): void
  clear(): void
}

/** @param maxAgeMs after so long Redis is asked all the same: another process may have given back or reset what was charged. 0: nothing is kept. */
export function createRefusals(maxAgeMs: number, clock: () => number): Refusals {
  const refusals = new Map<string, Known>()
  return {
    get(key, cost, selected) {
      const known = refusals.get(key)
      if (known === undefined) return undefined
      const nowMs = clock()
      if (nowMs >= known.untilMs) {
        refusals.delete(key)
        return undefined
      }
      if (cost < known.cost || !selected.includes(known.index)) return undefined
      const { allowed, limit, remaining, resetMs, retryAfterMs, policy, windowMs, atMs } = known.result
      const age = nowMs - known.receivedMs
      return {
        allowed,
        limit,
        remaining,
        resetMs: Math.max(0, resetMs - age),
        retryAfterMs: retryAfterMs - age,
        policy,
        windowMs,
        atMs: atMs + age,
      }
    },
    set(key, cost, index, result, askedMs) {
      const untilMs = askedMs + Math.min(maxAgeMs, result.retryAfterMs)
      if (maxAgeMs === 0) return
      refusals.delete(key)
      refusals.set(key, { result, cost, index, receivedMs: clock(), untilMs })
      if (refusals.size <= MAX_KEYS) return
      for (const oldest of refusals.keys()) {
        refusals.delete(oldest)
        break
      }
    },
    delete: (key) => void refusals.delete(key),
    clear: () => refusals.clear(),
  }
}
