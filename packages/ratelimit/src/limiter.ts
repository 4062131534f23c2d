import { createHash } from 'node:crypto'
import { RateLimitError } from './errors.ts'
import { readOptions } from './options.ts'
import { createTable, type Entry } from './table.ts'
import type { CheckOptions, RateLimiter, RateLimiterOptions, RateLimitResult } from './types.ts'
import { charge, createRule, createWindow, giveBack, prune, type Rule, untilEmpty, untilFits } from './window.ts'

const MAX_KEY_CHARS = 256
const MAX_COST = 2_147_483_647
const EMPTY = createWindow()

/**
 * Makes a limiter that keeps its state in this process: several limits in one atomic check, no timers, memory bounded by `maxKeys`.
 * @throws RateLimitError ERR_RATELIMIT_OPTIONS for an option that is unknown, malformed or not supported
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const { limits, maxKeys, clock } = readOptions(options)
  const rules = limits.map(createRule)
  const indexes = new Map(rules.map((rule, index) => [rule.name, index]))
  const everyIndex = rules.map((_rule, index) => index)
  const table = createTable(maxKeys, rules.length)
  let latestMs = Number.NEGATIVE_INFINITY
  let closed = false

  const tick = (): number => {
    if (closed) throw new RateLimitError('ERR_RATELIMIT_CLOSED', 'the rate limiter is closed')
    const nowMs = clock()
    // A clock that steps back, or answers no number, must not make anything younger.
    if (nowMs > latestMs && nowMs < Number.POSITIVE_INFINITY) latestMs = nowMs
    if (latestMs === Number.NEGATIVE_INFINITY)
      throw new RateLimitError('ERR_RATELIMIT_OPTIONS', 'the clock answered no finite number')
    return latestMs
  }

  const select = (names: readonly string[] | undefined): readonly number[] => {
    if (names === undefined) return everyIndex
    const selected: number[] = []
    for (const name of names) {
      const index = indexes.get(name)
      if (index === undefined)
        throw new RateLimitError('ERR_RATELIMIT_LIMIT', `there is no limit ${JSON.stringify(name)}`)
      if (!selected.includes(index)) selected.push(index)
    }
    return selected
  }

  /** Phase one: what each limit says, nothing charged. `charging` tells whether the result is to show the cost as spent. */
  const judge = (
    entry: Entry | undefined,
    selected: readonly number[],
    nowMs: number,
    cost: number,
    charging: boolean,
  ): RateLimitResult => {
    let worst: Rule | undefined
    let worstWindow = EMPTY
    let retryAfterMs = 0
    let left = Number.POSITIVE_INFINITY
    for (const index of selected) {
      const rule = rules[index] as Rule
      const window = entry?.windows[index] ?? EMPTY
      const used = prune(window, rule, nowMs)
      const wait = untilFits(window, rule, nowMs, cost)
      if (wait > retryAfterMs || (retryAfterMs === 0 && rule.limit - used < left)) {
        worst = rule
        worstWindow = window
        retryAfterMs = wait
        left = rule.limit - used
      }
    }
    const allowed = retryAfterMs === 0
    const spent = charging && allowed ? cost : 0
    if (worst === undefined) return unlimited(nowMs)
    return {
      allowed,
      limit: worst.limit,
      remaining: left - spent,
      resetMs: spent > 0 ? worst.windowMs : untilEmpty(worstWindow, worst, nowMs),
      retryAfterMs,
      policy: worst.name,
      windowMs: worst.windowMs,
      atMs: nowMs,
    }
  }

  return {
    check(key, checkOptions) {
      const nowMs = tick()
      const cost = readCost(checkOptions)
      const selected = select(checkOptions?.limits)
      const name = tableKey(key)
      const result = judge(table.find(name, nowMs), selected, nowMs, cost, true)
      if (!result.allowed || cost === 0 || selected.length === 0) return result
      const entry = table.claim(name, nowMs)
      for (const index of selected) {
        const rule = rules[index] as Rule
        let window = entry.windows[index]
        if (window === undefined) {
          window = createWindow()
          entry.windows[index] = window
        }
        prune(window, rule, nowMs)
        charge(window, rule, nowMs, cost)
        if (nowMs + rule.windowMs > entry.expiresMs) entry.expiresMs = nowMs + rule.windowMs
      }
      return result
    },
    peek(key, checkOptions) {
      const nowMs = tick()
      const cost = readCost(checkOptions)
      return judge(table.find(tableKey(key), nowMs), select(checkOptions?.limits), nowMs, cost, false)
    },
    refund(key, refundOptions) {
      const nowMs = tick()
      const cost = readCost(refundOptions)
      const selected = select(refundOptions?.limits)
      const entry = table.find(tableKey(key), nowMs)
      for (const index of selected) {
        const window = entry?.windows[index]
        if (window === undefined) continue
        const rule = rules[index] as Rule
        prune(window, rule, nowMs)
        giveBack(window, rule, nowMs, cost, refundOptions?.atMs)
      }
    },
    reset(key, resetOptions) {
      tick()
      const selected = select(resetOptions?.limits)
      const entry = table.own(tableKey(key))
      if (entry === undefined) return
      for (const index of selected) entry.windows[index] = undefined
      if (entry.windows.every((window) => window === undefined)) table.remove(entry)
    },
    close() {
      closed = true
      table.clear()
    },
    get size() {
      return table.size
    },
    get overflowed() {
      return table.overflowed
    },
  }
}

/** The answer where no limit was asked. */
function unlimited(nowMs: number): RateLimitResult {
  const limit = Number.MAX_SAFE_INTEGER
  return { allowed: true, limit, remaining: limit, resetMs: 0, retryAfterMs: 0, policy: '', windowMs: 0, atMs: nowMs }
}

function readCost(options: CheckOptions | undefined): number {
  const cost = options?.cost ?? 1
  if (Number.isInteger(cost) && cost >= 0 && cost <= MAX_COST) return cost
  throw new RateLimitError('ERR_RATELIMIT_COST', `cost must be a whole number from 0 to ${MAX_COST}`)
}

/** Long keys are kept as digests, so that the table's memory is bounded in bytes too. */
function tableKey(key: string): string {
  if (typeof key !== 'string') throw new RateLimitError('ERR_RATELIMIT_KEY', 'a key must be a string')
  if (key.length <= MAX_KEY_CHARS) return key
  return `sha256:${createHash('sha256').update(key, 'utf16le').digest('base64')}`
}
