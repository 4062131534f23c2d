import { createConcurrency } from './concurrency.ts'
import { createGcra } from './gcra.ts'
import type { Cells, Meter } from './meter.ts'
import { nearLeft, type ReadOptions } from './options.ts'
import { leaseIdOf, unlimited } from './request.ts'
import { createTable, type Details } from './table.ts'
import type { Limit, RateLimiterEvent, RateLimiterStats, RateLimitResult } from './types.ts'
import { createWindow } from './window.ts'

/** A limiter of this process whose input has been checked: limits are named by their places. */
export interface Engine {
  /** Charges all selected limits or none; `leaseId` names what is taken of those of concurrency. */
  check(key: string, cost: number, selected: readonly number[], leaseId: string): RateLimitResult
  peek(key: string, cost: number, selected: readonly number[]): RateLimitResult
  /** Charges whether it fits or not; leases are not taken. */
  charge(key: string, cost: number, selected: readonly number[]): void
  /** Charges each limit as far as there is room; without `leaseId` leases are not taken. */
  fill(key: string, cost: number, selected: readonly number[], leaseId: string | undefined): void
  refund(key: string, cost: number, selected: readonly number[], atMs: number | undefined): void
  /** Whether all of them held it. */
  lease(operation: 'renew' | 'release', key: string, leaseId: string, selected: readonly number[]): boolean
  reset(key: string, selected: readonly number[]): void
  clear(): void
  nowMs(): number
  stats(): RateLimiterStats
}

const none: readonly number[] = []

const words = (limit: Limit): number => (limit.algorithm === 'gcra' ? 2 : 1)

const createMeter = (limit: Limit, cells: Cells): Meter => {
  if (limit.algorithm === 'gcra') return createGcra(limit, cells)
  return limit.algorithm === 'window' ? createWindow(limit, cells) : createConcurrency(limit, cells)
}

const answer = (
  meter: Meter,
  slot: number,
  nowMs: number,
  retryAfterMs: number,
  remaining: number,
): RateLimitResult => ({
  allowed: retryAfterMs === 0,
  limit: meter.limit.limit,
  remaining: remaining > 0 ? remaining : 0,
  resetMs: meter.untilEmpty(slot, nowMs),
  retryAfterMs,
  policy: meter.limit.name,
  windowMs: meter.limit.windowMs,
  atMs: nowMs,
})

/** `tick` answers milliseconds that never go back. */
export function createEngine({ limits, maxKeys, onEvent }: ReadOptions, tick: () => number): Engine {
  const count = limits.length
  const table = createTable({
    maxKeys,
    words: limits.reduce((sum, limit) => sum + words(limit), 0),
    details: limits.length,
    isIdle: (slot, nowMs) => {
      for (let i = 0; i < count; i++) if (!(meters[i] as Meter).isIdle(slot, nowMs)) return false
      return true
    },
    copy: (from, to) => {
      for (const meter of meters) meter.copy(from, to)
    },
  })
  let offset = 1
  const meters = limits.map((limit, index) => {
    const details = table.details[index] as Details
    const meter = createMeter(limit, { words: table.words, stride: table.stride, offset, details })
    offset += words(limit)
    return meter
  })
  const isShadow = limits.map(({ mode }) => mode === 'shadow')
  const anyShadow = isShadow.includes(true)
  const nearAt = meters.map(({ capacity, limit }) => nearLeft(capacity, limit.nearRatio))
  const leased = limits.map(({ algorithm }) => algorithm === 'concurrency')
  const anyLeased = leased.includes(true)
  const events: RateLimiterEvent[] = []
  /** Once all is charged: who is told may ask the limiter. */
  const tell = (): void => {
    for (const event of events.splice(0)) onEvent(event)
  }
  const stats = { allowed: 0, refused: 0, shadowed: 0, near: 0 }

  /** What each limit had left before a charge. */
  const lefts = new Float64Array(count)

  /** Adds units, and tells when that crosses what is near to a limit. */
  const charge = (index: number, key: string, slot: number, nowMs: number, cost: number, leaseId: string): void => {
    const meter = meters[index] as Meter
    meter.charge(slot, nowMs, cost, leaseId)
    const before = lefts[index] as number
    const near = nearAt[index] as number
    if (before - cost > near || before <= near) return
    stats.near++
    const { name: policy, limit } = meter.limit
    events.push({ type: 'near', key, policy, limit, remaining: Math.max(0, before - cost) })
  }

  /** The limits in mode `shadow` that would refuse. */
  const shadowedBy = (key: string, slot: number, selected: readonly number[], nowMs: number, cost: number): number[] =>
    selected.filter((index) => {
      if (!isShadow[index]) return false
      const meter = meters[index] as Meter
      lefts[index] = meter.left(slot, nowMs)
      const retryAfterMs = meter.untilFits(slot, nowMs, cost)
      if (retryAfterMs === 0) return false
      stats.shadowed++
      events.push({ type: 'shadow', key, policy: meter.limit.name, retryAfterMs })
      return true
    })

  /** The least time to live of the leases among the limits; 0 where there is none. */
  const ttlOf = (indexes: readonly number[]): number => {
    let ttlMs = 0
    for (const index of indexes) {
      if (!leased[index]) continue
      const { windowMs } = limits[index] as Limit
      if (ttlMs === 0 || windowMs < ttlMs) ttlMs = windowMs
    }
    return ttlMs
  }

  const ask = (
    key: string,
    cost: number,
    selected: readonly number[],
    leaseId: string | undefined,
  ): RateLimitResult => {
    const nowMs = tick()
    let slot = table.find(key, nowMs)
    let worst: Meter | undefined
    let retryAfterMs = 0
    let remaining = 0
    for (let i = 0; i < selected.length; i++) {
      const index = selected[i] as number
      if (anyShadow && isShadow[index]) continue
      const meter = meters[index] as Meter
      const left = meter.left(slot, nowMs)
      const wait = cost <= left ? 0 : meter.untilFits(slot, nowMs, cost)
      lefts[index] = left
      if (wait > retryAfterMs || worst === undefined || (retryAfterMs === 0 && left < remaining)) {
        worst = meter
        retryAfterMs = wait
        remaining = left
      }
    }
    const allowed = retryAfterMs === 0
    const charging = leaseId !== undefined
    if (charging) {
      if (allowed) stats.allowed++
      else stats.refused++
    }
    const shadowed = anyShadow && allowed ? shadowedBy(key, slot, selected, nowMs, cost) : none
    const charged = shadowed.length === 0 ? selected : selected.filter((index) => !shadowed.includes(index))
    const spends = charging && allowed && cost > 0 && charged.length > 0
    if (spends) {
      slot = table.claim(key, nowMs)
      for (let i = 0; i < charged.length; i++) charge(charged[i] as number, key, slot, nowMs, cost, leaseId)
      remaining -= cost
    }
    const result = worst === undefined ? unlimited(nowMs) : answer(worst, slot, nowMs, retryAfterMs, remaining)
    if (events.length > 0) tell()
    const ttlMs = anyLeased && spends ? ttlOf(charged) : 0
    if (ttlMs === 0 && shadowed.length === 0) return result
    return {
      ...result,
      ...(ttlMs === 0
        ? {}
        : {
            lease: {
              id: leaseIdOf(
                leaseId as string,
                charged.filter((index) => leased[index]),
              ),
              ttlMs,
            },
          }),
      ...(shadowed.length === 0 ? {} : { shadowed: shadowed.map((index) => (limits[index] as Limit).name) }),
    }
  }

  const put = (
    key: string,
    cost: number,
    selected: readonly number[],
    leaseId: string | undefined,
    fit: boolean,
  ): void => {
    const nowMs = tick()
    if (cost === 0 || selected.length === 0) return
    const slot = table.claim(key, nowMs)
    for (const index of selected) {
      if (leased[index] && leaseId === undefined) continue
      const left = (meters[index] as Meter).left(slot, nowMs)
      lefts[index] = left
      const units = fit ? Math.min(cost, left) : cost
      if (units > 0) charge(index, key, slot, nowMs, units, leaseId ?? '')
    }
    if (events.length > 0) tell()
  }

  return {
    check: ask,
    peek: (key, cost, selected) => ask(key, cost, selected, undefined),
    charge: (key, cost, selected) => put(key, cost, selected, undefined, false),
    fill: (key, cost, selected, leaseId) => put(key, cost, selected, leaseId, true),
    refund(key, cost, selected, atMs) {
      const nowMs = tick()
      const slot = table.find(key, nowMs)
      for (const index of selected) (meters[index] as Meter).refund(slot, nowMs, cost, atMs)
    },
    lease(operation, key, leaseId, selected) {
      const nowMs = tick()
      const slot = table.find(key, nowMs)
      let held = selected.length > 0
      for (const index of selected) held = (meters[index] as Meter)[operation]?.(slot, nowMs, leaseId) === true && held
      return held
    },
    reset(key, selected) {
      const nowMs = tick()
      const slot = table.own(key)
      if (slot < 0) return
      for (const index of selected) (meters[index] as Meter).clear(slot)
      if (meters.every((meter) => meter.isIdle(slot, nowMs))) table.remove(slot)
    },
    clear: table.clear,
    nowMs: tick,
    stats: () => ({ ...stats, size: table.size, overflowed: table.overflowed }),
  }
}
