import { type Cells, type Meter, slightlyMore } from './meter.ts'
import { EXACT_BY_DEFAULT } from './options.ts'
import { add, createRing, endOf, prune, type Ring, type RingRule, takeOut, timeFor, unitsIn } from './ring.ts'
import type { WindowLimit } from './types.ts'

const BUCKETS = 32

export function ringRule({ limit, windowMs, exact = limit <= EXACT_BY_DEFAULT }: WindowLimit): RingRule {
  return exact
    ? { limit, windowMs, grainMs: 0, maxEntries: limit }
    : // Entries begin a grain apart and live at most a window longer than a grain.
      { limit, windowMs, grainMs: windowMs / BUCKETS, maxEntries: BUCKETS + 2 }
}

/** A sliding window over the admissions themselves; a slot's word is when the last of them leaves it. */
export function createWindow(limit: WindowLimit, { words, stride, offset, details }: Cells): Meter {
  const rule = ringRule(limit)
  const { windowMs } = rule

  const used = (slot: number, nowMs: number): number => {
    const ring = details.at(slot) as Ring | undefined
    return ring === undefined ? 0 : prune(ring, rule, nowMs)
  }
  const untilGone = (timeMs: number, nowMs: number): number => {
    let wait = timeMs + windowMs - nowMs
    while (nowMs + wait - timeMs < windowMs) wait = slightlyMore(wait, nowMs)
    return wait
  }

  return {
    limit,
    capacity: rule.limit,
    untilFits(slot, nowMs, cost) {
      if (used(slot, nowMs) + cost <= rule.limit) return 0
      const timeMs = cost > rule.limit ? undefined : timeFor(details.at(slot) as Ring, rule, cost)
      return timeMs === undefined ? windowMs : untilGone(timeMs, nowMs)
    },
    left: (slot, nowMs) => rule.limit - used(slot, nowMs),
    untilEmpty(slot, nowMs) {
      return used(slot, nowMs) === 0 ? 0 : endOf(details.at(slot) as Ring, rule) - nowMs
    },
    isIdle: (slot, nowMs) => (words[slot * stride + offset] as number) <= nowMs,
    charge(slot, nowMs, cost) {
      const ring = details.at(slot) as Ring | undefined
      if (ring !== undefined) prune(ring, rule, nowMs)
      details.put(slot, ring === undefined ? createRing(nowMs, cost) : add(ring, rule, nowMs, cost))
      words[slot * stride + offset] = nowMs + windowMs
    },
    refund(slot, nowMs, cost, atMs) {
      const ring = details.at(slot) as Ring | undefined
      if (ring === undefined) return
      prune(ring, rule, nowMs)
      takeOut(ring, cost, atMs)
      if (unitsIn(ring) === 0) clear(slot)
    },
    clear,
    copy(from, to) {
      const ring = details.at(from) as Ring | undefined
      if (ring === undefined) return
      details.put(to, ring.slice())
      words[to * stride + offset] = words[from * stride + offset] as number
    },
  }

  function clear(slot: number): void {
    words[slot * stride + offset] = 0
    details.put(slot, undefined)
  }
}
