import type { Cells, Meter } from './meter.ts'
import type { ConcurrencyLimit } from './types.ts'

/** So many leases a key may hold, whatever they weigh. */
export const MAX_LEASES = 1000

interface Held {
  used: number
  /** In the order in which they run out, for every lease runs as long. */
  readonly leases: Map<string, { readonly units: number; readonly endsMs: number }>
}

/** Units held by leases; a slot's word is when the last of them runs out. */
export function createConcurrency(limit: ConcurrencyLimit, { words, stride, offset, details }: Cells): Meter {
  const { limit: capacity, windowMs: ttlMs } = limit

  const heldAt = (slot: number, nowMs: number): Held | undefined => {
    const held = details.at(slot) as Held | undefined
    if (held === undefined) return undefined
    for (const [id, { units, endsMs }] of held.leases) {
      if (endsMs > nowMs) break
      held.leases.delete(id)
      held.used -= units
    }
    return held
  }
  const clear = (slot: number): void => {
    words[slot * stride + offset] = 0
    details.put(slot, undefined)
  }
  const untilEmpty = (slot: number, nowMs: number): number =>
    Math.max(0, (words[slot * stride + offset] as number) - nowMs)

  return {
    limit,
    capacity,
    untilFits(slot, nowMs, cost) {
      if (cost > capacity) return ttlMs
      const held = heldAt(slot, nowMs)
      if (held === undefined || cost === 0) return 0
      let excess = held.used + cost - capacity
      let leases = held.leases.size - MAX_LEASES
      if (excess <= 0 && leases < 0) return 0
      for (const { units, endsMs } of held.leases.values()) {
        excess -= units
        leases--
        if (excess <= 0 && leases < 0) return endsMs - nowMs
      }
      return ttlMs
    },
    left(slot, nowMs) {
      const held = heldAt(slot, nowMs)
      if (held === undefined) return capacity
      return held.leases.size < MAX_LEASES ? capacity - held.used : 0
    },
    untilEmpty,
    isIdle: (slot, nowMs) => (words[slot * stride + offset] as number) <= nowMs,
    charge(slot, nowMs, cost, leaseId) {
      const held = heldAt(slot, nowMs) ?? { used: 0, leases: new Map() }
      details.put(slot, held)
      held.used += cost
      held.leases.set(leaseId, { units: cost, endsMs: nowMs + ttlMs })
      words[slot * stride + offset] = nowMs + ttlMs
    },
    // What was given back in units could not be released any more.
    refund() {},
    clear,
    copy(from, to) {
      const held = details.at(from) as Held | undefined
      if (held === undefined) return
      details.put(to, { used: held.used, leases: new Map(held.leases) })
      words[to * stride + offset] = words[from * stride + offset] as number
    },
    renew(slot, nowMs, leaseId) {
      const held = heldAt(slot, nowMs)
      const lease = held?.leases.get(leaseId)
      if (held === undefined || lease === undefined) return false
      held.leases.delete(leaseId)
      held.leases.set(leaseId, { units: lease.units, endsMs: nowMs + ttlMs })
      words[slot * stride + offset] = nowMs + ttlMs
      return true
    },
    release(slot, nowMs, leaseId) {
      const held = heldAt(slot, nowMs)
      const lease = held?.leases.get(leaseId)
      if (held === undefined || lease === undefined) return false
      held.leases.delete(leaseId)
      held.used -= lease.units
      if (held.leases.size === 0) clear(slot)
      else if (lease.endsMs === words[slot * stride + offset]) {
        for (const { endsMs } of held.leases.values()) words[slot * stride + offset] = endsMs
      }
      return true
    },
  }
}
