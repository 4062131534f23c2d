import type { WindowLimit } from './types.ts'

/** Up to this limit each admission keeps its own time; above, admissions share buckets. */
export const MAX_EXACT_LIMIT = 1024
const BUCKETS = 32

/** A limit with what follows from it. */
export interface Rule {
  readonly name: string
  readonly limit: number
  readonly windowMs: number
  /** Admissions closer than this share an entry, which lives until the last of them leaves the window. 0: only those of one instant. */
  readonly grainMs: number
  readonly maxEntries: number
}

export function createRule({ name, limit, windowMs }: WindowLimit): Rule {
  return limit <= MAX_EXACT_LIMIT
    ? { name, limit, windowMs, grainMs: 0, maxEntries: limit }
    : // Entries begin a grain apart and live at most a window longer than a grain.
      { name, limit, windowMs, grainMs: windowMs / BUCKETS, maxEntries: BUCKETS + 2 }
}

/**
 * Admissions inside the window, oldest first, in a ring that grows with use. An entry's time is that of its last admission, so that counting an entry
 * whole until then counts too much, never too little.
 */
export interface Window {
  /** Time and cost of each entry, side by side: a plain array weighs a third of two typed ones for the few entries that most keys have. */
  ring: number[]
  head: number
  count: number
  /** Sum of all costs in the ring. */
  used: number
  /** When the newest entry was begun. */
  openedMs: number
}

export function createWindow(): Window {
  return { ring: [], head: 0, count: 0, used: 0, openedMs: 0 }
}

export function copyWindow(window: Window): Window {
  return { ...window, ring: window.ring.slice() }
}

/** Drops what has left the window (t - W, t] and answers how much is used. */
export function prune(window: Window, rule: Rule, nowMs: number): number {
  const { ring } = window
  while (window.count > 0 && nowMs - (ring[window.head] as number) >= rule.windowMs) {
    window.used -= ring[window.head + 1] as number
    window.head = window.head + 2 === ring.length ? 0 : window.head + 2
    window.count--
  }
  return window.used
}

/** Adds units that are known to fit. Call `prune` before. */
export function charge(window: Window, rule: Rule, nowMs: number, cost: number): void {
  window.used += cost
  if (window.count > 0) {
    const newest = slot(window, window.count - 1)
    const near = nowMs - window.openedMs < rule.grainMs || window.ring[newest] === nowMs
    if (!near && window.count === rule.maxEntries) makeRoom(window, rule)
    if (near || window.count === rule.maxEntries) {
      const at = slot(window, window.count - 1)
      window.ring[at] = nowMs
      window.ring[at + 1] = (window.ring[at + 1] as number) + cost
      return
    }
  }
  if (window.count * 2 === window.ring.length) makeRoom(window, rule)
  const at = slot(window, window.count)
  window.ring[at] = nowMs
  window.ring[at + 1] = cost
  window.openedMs = nowMs
  window.count++
}

/** Where the time of an entry is; its cost is beside it. */
function slot(window: Window, index: number): number {
  const at = window.head + index * 2
  return at < window.ring.length ? at : at - window.ring.length
}

/** Leaves out entries that were wholly given back, and doubles the ring if that is not enough. */
function makeRoom(window: Window, rule: Rule): void {
  const size = Math.min(Math.max(2, window.count * 2), rule.maxEntries)
  const ring: number[] = Array.from({ length: size * 2 }, () => 0)
  let end = 0
  for (let i = 0; i < window.count; i++) {
    const from = slot(window, i)
    if (window.ring[from + 1] === 0) continue
    ring[end++] = window.ring[from] as number
    ring[end++] = window.ring[from + 1] as number
  }
  window.count = end / 2
  window.ring = ring
  window.head = 0
}

/** Milliseconds until `cost` fits; 0 if it fits now, the window if it never does. Call `prune` before. */
export function untilFits(window: Window, rule: Rule, nowMs: number, cost: number): number {
  if (cost > rule.limit) return rule.windowMs
  let excess = window.used + cost - rule.limit
  if (excess <= 0) return 0
  for (let i = 0; i < window.count; i++) {
    const at = slot(window, i)
    excess -= window.ring[at + 1] as number
    if (excess <= 0) return untilGone(window.ring[at] as number, rule, nowMs)
  }
  return rule.windowMs
}

/** Milliseconds until the window is empty. Call `prune` before. */
export function untilEmpty(window: Window, rule: Rule, nowMs: number): number {
  return window.count === 0 ? 0 : untilGone(window.ring[slot(window, window.count - 1)] as number, rule, nowMs)
}

/** Rounded up where binary fractions fall short: who waits that long finds the entry gone. */
function untilGone(timeMs: number, rule: Rule, nowMs: number): number {
  let wait = timeMs + rule.windowMs - nowMs
  while (nowMs + wait - timeMs < rule.windowMs) wait += Math.max(wait, Math.abs(nowMs), 1) * Number.EPSILON
  return wait
}

/** Takes units out: those charged at `atMs` if they are still in the window, or without it the oldest. Call `prune` before. */
export function giveBack(window: Window, rule: Rule, nowMs: number, cost: number, atMs: number | undefined): void {
  if (atMs !== undefined && !(nowMs - atMs < rule.windowMs)) return
  let left = cost
  for (let i = 0; i < window.count && left > 0; i++) {
    const at = slot(window, i)
    const time = window.ring[at] as number
    if (atMs !== undefined && time < atMs) continue
    if (atMs !== undefined && rule.grainMs === 0 && time !== atMs) return
    const taken = Math.min(left, window.ring[at + 1] as number)
    window.ring[at + 1] = (window.ring[at + 1] as number) - taken
    window.used -= taken
    left -= taken
    if (atMs !== undefined) break
  }
  while (window.count > 0 && window.ring[slot(window, window.count - 1) + 1] === 0) window.count--
}
