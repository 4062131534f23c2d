import { type Cells, type Meter, slightlyMore } from './meter.ts'
import type { GcraLimit } from './types.ts'

/**
 * The generic cell rate algorithm (ITU-T I.371, annex A). The usual single time stamp loses whole units to rounding where the rate is high; here a slot keeps
 * when it was last idle (or a window's multiple later) and how many units are owed since, which are both exact: they drain at `limit / windowMs`, and must never be more than `burst`.
 */
export function createGcra(limit: GcraLimit, { words, stride, offset }: Cells): Meter {
  const { limit: rate, windowMs } = limit
  const burst = limit.burst ?? rate
  const unitMs = windowMs / rate

  /** Units times the window that have drained in a time: exact, or a little too few where doubles cannot tell. */
  const drained = (ms: number): number => {
    const product = ms * rate
    return product <= Number.MAX_SAFE_INTEGER && ms === Math.floor(ms) ? product : product * (1 - 2 * Number.EPSILON)
  }
  const untilDrained = (sinceMs: number, units: number, nowMs: number): number => {
    let wait = units * unitMs - (nowMs - sinceMs)
    while (drained(nowMs + wait - sinceMs) < units * windowMs) wait = slightlyMore(wait, nowMs)
    return wait
  }
  const isIdle = (slot: number, nowMs: number): boolean => {
    const at = slot * stride + offset
    const spent = words[at + 1] as number
    return spent === 0 || drained(nowMs - (words[at] as number)) >= spent * windowMs
  }

  return {
    limit,
    capacity: burst,
    isIdle,
    untilFits(slot, nowMs, cost) {
      const at = slot * stride + offset
      const excess = (words[at + 1] as number) + cost - burst
      if (excess <= 0) return 0
      if (cost > burst) return windowMs
      const sinceMs = words[at] as number
      return drained(nowMs - sinceMs) >= excess * windowMs ? 0 : untilDrained(sinceMs, excess, nowMs)
    },
    left(slot, nowMs) {
      const at = slot * stride + offset
      const spent = words[at + 1] as number
      if (spent === 0) return burst
      const units = drained(nowMs - (words[at] as number))
      const whole = Math.floor(units / windowMs)
      const left = burst - spent + (whole * windowMs > units ? whole - 1 : whole)
      return left < burst ? left : burst
    },
    untilEmpty(slot, nowMs) {
      const at = slot * stride + offset
      const wait = (words[at + 1] as number) * unitMs - (nowMs - (words[at] as number))
      return wait > 0 ? wait : 0
    },
    charge(slot, nowMs, cost) {
      const at = slot * stride + offset
      if (isIdle(slot, nowMs)) {
        words[at] = nowMs
        words[at + 1] = cost
        return
      }
      words[at + 1] = (words[at + 1] as number) + cost
      const sinceMs = words[at] as number
      // Whole windows are taken off but for the last: sums stay small, and so exact, for ever.
      const windows = Math.floor((nowMs - sinceMs) / windowMs) - 1
      if (windows <= 0) return
      const laterMs = sinceMs + windows * windowMs
      // Rounded up, so that nothing drains twice.
      words[at] = laterMs - sinceMs < windows * windowMs ? laterMs + laterMs * Number.EPSILON : laterMs
      words[at + 1] = (words[at + 1] as number) - windows * rate
    },
    refund(slot, nowMs, cost, atMs) {
      const at = slot * stride + offset
      // Charged more than a window ago, or before it was last idle: that has drained.
      if (atMs !== undefined && atMs < (words[at] as number)) return
      words[at + 1] = Math.max(0, (words[at + 1] as number) - cost)
      if (isIdle(slot, nowMs)) words[at + 1] = 0
    },
    clear(slot) {
      words.fill(0, slot * stride + offset, slot * stride + offset + 2)
    },
    copy(from, to) {
      words.copyWithin(to * stride + offset, from * stride + offset, from * stride + offset + 2)
    },
  }
}
