/**
 * Admissions that count, oldest first, in a ring that grows with use: one array of doubles, which for the few entries that most keys have weighs a third of an
 * object with fields. An entry's time is that of its last admission, so that counting an entry whole until then counts too much, never too little.
 */
export type Ring = number[]

/** The array begins with these. */
const USED = 0
const OPENED = 1
const HEAD = 2
const COUNT = 3
const START = 4
/** An entry: time of its last admission, units, time of its first. */
const STEP = 3

export interface RingRule {
  readonly limit: number
  readonly windowMs: number
  /** Admissions closer than this share an entry, which counts until the last of them leaves the window. 0: only those of one instant. */
  readonly grainMs: number
  readonly maxEntries: number
}

export const createRing = (nowMs: number, cost: number): Ring => [cost, nowMs, 0, 1, nowMs, cost, nowMs]

export const unitsIn = (ring: Ring): number => ring[USED] as number

/** Where an entry is. */
function placeOf(ring: Ring, index: number): number {
  const at = START + (ring[HEAD] as number) + index * STEP
  return at < ring.length ? at : at - ring.length + START
}

const newest = (ring: Ring): number => placeOf(ring, (ring[COUNT] as number) - 1)

/** When the newest entry leaves the window. Only where there is one. */
export const endOf = (ring: Ring, rule: RingRule): number => (ring[newest(ring)] as number) + rule.windowMs

/** Drops what has left the window (t - W, t] and answers how much is used. */
export function prune(ring: Ring, rule: RingRule, nowMs: number): number {
  while ((ring[COUNT] as number) > 0) {
    const at = START + (ring[HEAD] as number)
    if (nowMs - (ring[at] as number) < rule.windowMs) break
    ring[USED] = (ring[USED] as number) - (ring[at + 1] as number)
    ring[HEAD] = at + STEP === ring.length ? 0 : at + STEP - START
    ring[COUNT] = (ring[COUNT] as number) - 1
  }
  return ring[USED] as number
}

/** Adds units; answers the ring, which may be a larger one. Call `prune` before. */
export function add(ring: Ring, rule: RingRule, nowMs: number, cost: number): Ring {
  ring[USED] = (ring[USED] as number) + cost
  const count = ring[COUNT] as number
  if (count > 0) {
    const at = newest(ring)
    const near = nowMs - (ring[OPENED] as number) < rule.grainMs || ring[at] === nowMs
    if (near || count === rule.maxEntries) {
      ring[at] = nowMs
      ring[at + 1] = (ring[at + 1] as number) + cost
      return ring
    }
  }
  const roomy = count * STEP + START === ring.length ? grown(ring, rule) : ring
  const at = placeOf(roomy, count)
  roomy[at] = nowMs
  roomy[at + 1] = cost
  roomy[at + 2] = nowMs
  roomy[OPENED] = nowMs
  roomy[COUNT] = count + 1
  return roomy
}

/** The same entries in a ring twice as large. */
function grown(ring: Ring, rule: RingRule): Ring {
  const count = ring[COUNT] as number
  const larger = ring.slice(0, START)
  larger[HEAD] = 0
  for (let i = 0; i < count; i++) {
    const from = placeOf(ring, i)
    larger.push(ring[from] as number, ring[from + 1] as number, ring[from + 2] as number)
  }
  for (let room = Math.min(count, rule.maxEntries - count); room > 0; room--) larger.push(0, 0, 0)
  return larger
}

/** When enough units will have left for `cost` to fit; `undefined` if it never will. Call `prune` before. */
export function timeFor(ring: Ring, rule: RingRule, cost: number): number | undefined {
  let excess = (ring[USED] as number) + cost - rule.limit
  for (let i = 0; i < (ring[COUNT] as number); i++) {
    const at = placeOf(ring, i)
    excess -= ring[at + 1] as number
    if (excess <= 0) return ring[at] as number
  }
  return undefined
}

/** Takes units out: those charged at `atMs`, or without it the oldest. Call `prune` before. */
export function takeOut(ring: Ring, cost: number, atMs: number | undefined): void {
  let left = cost
  for (let i = 0; i < (ring[COUNT] as number) && left > 0; i++) {
    const at = placeOf(ring, i)
    if (atMs !== undefined && (ring[at] as number) < atMs) continue
    if (atMs !== undefined && (ring[at + 2] as number) > atMs) break
    const taken = Math.min(left, ring[at + 1] as number)
    ring[at + 1] = (ring[at + 1] as number) - taken
    ring[USED] = (ring[USED] as number) - taken
    left -= taken
    if (atMs !== undefined) break
  }
  dropGivenBack(ring)
}

/** Leaves out entries that were wholly given back. */
function dropGivenBack(ring: Ring): void {
  const count = ring[COUNT] as number
  let kept = 0
  for (let i = 0; i < count; i++) {
    const from = placeOf(ring, i)
    if (ring[from + 1] === 0) continue
    const to = placeOf(ring, kept++)
    if (to !== from) ring.copyWithin(to, from, from + STEP)
  }
  ring[COUNT] = kept
  // The one that is newest now was closed when the next was begun.
  if (kept < count && kept > 0) ring[OPENED] = ring[newest(ring) + 2] as number
}
