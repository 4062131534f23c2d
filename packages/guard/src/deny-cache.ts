import type { LimitResult } from './ports.ts'

/**
 * Callers already over their limit, remembered until the moment their next request could be allowed, so that a flood
 * from one of them costs no round trip to the store. Bounded: the oldest entry makes room.
 */
export interface DenyCache {
  /** The refusal that still stands for a request of at least the remembered cost. */
  get(key: string, cost: number): LimitResult | undefined
  set(key: string, cost: number, refused: LimitResult): void
}

export const createDenyCache = (maxEntries = 10_000, now: () => number = () => performance.now()): DenyCache => {
  const entries = new Map<string, { untilMs: number; cost: number; refused: LimitResult }>()
  return {
    get(key, cost) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      const leftMs = entry.untilMs - now()
      if (leftMs <= 0) {
        entries.delete(key)
        return undefined
      }
      return cost < entry.cost ? undefined : { ...entry.refused, retryAfterMs: leftMs, resetMs: Math.max(leftMs, 0) }
    },
    set(key, cost, refused) {
      entries.delete(key)
      if (entries.size >= maxEntries) {
        const oldest = entries.keys().next()
        if (!oldest.done) entries.delete(oldest.value)
      }
      entries.set(key, { untilMs: now() + refused.retryAfterMs, cost, refused })
    },
  }
}
