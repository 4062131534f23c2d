import type { Details } from './table.ts'
import type { Limit } from './types.ts'

/**
 * One limit at work: an algorithm over the words (and details) that slots keep for it. Times are milliseconds of the limiter's clock and never go back. A slot
 * that is blank (all zeros, no detail) holds nothing.
 */
export interface Meter {
  readonly limit: Limit
  /** Units that fit in at once when nothing is charged. */
  readonly capacity: number
  /** Milliseconds until `cost` fits; 0 if it fits now, the window if it never does. */
  untilFits(slot: number, nowMs: number, cost: number): number
  /** Whole units that fit now, exactly: a cost up to it is allowed. Below zero when more was charged than fits. */
  left(slot: number, nowMs: number): number
  /** Milliseconds until nothing counts any more. */
  untilEmpty(slot: number, nowMs: number): number
  isIdle(slot: number, nowMs: number): boolean
  /** Adds units, whether they fit or not. */
  charge(slot: number, nowMs: number, cost: number, leaseId: string): void
  /** Takes units out: those charged at `atMs` if they still count, or without it the oldest. */
  refund(slot: number, nowMs: number, cost: number, atMs: number | undefined): void
  /** Makes the slot hold nothing. */
  clear(slot: number): void
  /** Makes a blank slot hold the same as another. */
  copy(from: number, to: number): void
  /** Only of `concurrency`. Whether the lease was held. */
  renew?(slot: number, nowMs: number, leaseId: string): boolean
  release?(slot: number, nowMs: number, leaseId: string): boolean
}

/** Where a meter finds what slots keep for it. */
export interface Cells {
  readonly words: Float64Array
  readonly stride: number
  /** Of its first word within a slot. */
  readonly offset: number
  /** Not used by meters that need words only. */
  readonly details: Details
}

/** The next wait to try where binary fractions made one too short, seen from `nowMs`. */
export const slightlyMore = (waitMs: number, nowMs: number): number =>
  waitMs + Math.max(waitMs, Math.abs(nowMs), 1) * Number.EPSILON
