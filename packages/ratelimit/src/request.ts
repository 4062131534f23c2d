import { createHash } from 'node:crypto'
import { RateLimitError } from './errors.ts'
import type { Limit, RateLimitResult } from './types.ts'

const MAX_COST = 2_147_483_647
const MAX_KEY_CHARS = 256

/** Checks what comes with a call. Everything throws `RateLimitError`. */
export interface RequestReader {
  /** Long keys are counted by their digests. */
  keyOf(key: string): string
  costOf(cost: number | undefined): number
  /** The name of a lease and the limits that it was taken of, or those of them that are named. */
  leaseOf(
    id: string,
    names: readonly string[] | undefined,
  ): { readonly name: string; readonly selected: readonly number[] }
  /** Turns names of limits into their places, each once; without names all of them. */
  select(names: readonly string[] | undefined): readonly number[]
  /** From now on every call throws ERR_RATELIMIT_CLOSED. */
  refuseUse(): void
}

export function createReader(limits: readonly Limit[]): RequestReader {
  const indexes = new Map(limits.map(({ name }, index) => [name, index]))
  const every = limits.map((_limit, index) => index)
  let closed = false

  function select(names: readonly string[] | undefined): readonly number[] {
    if (names === undefined) return every
    if (!Array.isArray(names)) throw new RateLimitError('ERR_RATELIMIT_LIMIT', 'limits must be an array of names')
    const selected: number[] = []
    for (const name of names as readonly unknown[]) {
      const index = indexes.get(String(name))
      if (index === undefined)
        throw new RateLimitError('ERR_RATELIMIT_LIMIT', `there is no limit ${JSON.stringify(String(name))}`)
      if (!selected.includes(index)) selected.push(index)
    }
    return selected
  }

  return {
    keyOf(key: unknown) {
      if (closed) throw new RateLimitError('ERR_RATELIMIT_CLOSED', 'the rate limiter is closed')
      if (typeof key !== 'string') throw new RateLimitError('ERR_RATELIMIT_KEY', 'a key must be a string')
      // What looks like a digest is one too, or it could be chosen to meet a long key.
      if (key.length <= MAX_KEY_CHARS && !key.startsWith('sha256:')) return key
      return `sha256:${createHash('sha256').update(key, 'utf16le').digest('base64')}`
    },
    costOf(cost = 1) {
      if (Number.isInteger(cost) && cost >= 0 && cost <= MAX_COST) return cost
      throw new RateLimitError('ERR_RATELIMIT_COST', `cost must be a whole number from 0 to ${MAX_COST}`)
    },
    leaseOf(id: unknown, names) {
      if (typeof id !== 'string') throw new RateLimitError('ERR_RATELIMIT_KEY', 'the id of a lease must be a string')
      const [name = '', ...places] = id.split('.', limits.length + 1)
      const among = select(names)
      const selected = places
        .map(Number)
        .filter((index) => limits[index]?.algorithm === 'concurrency' && among.includes(index))
      return { name, selected }
    },
    select,
    refuseUse() {
      closed = true
    },
  }
}

/** What callers have of a lease: its name, and the places of the limits that it was taken of. */
export const leaseIdOf = (name: string, places: readonly number[]): string => [name, ...places].join('.')

/** The answer where no limit was asked. */
export function unlimited(nowMs: number): RateLimitResult {
  const limit = Number.MAX_SAFE_INTEGER
  return { allowed: true, limit, remaining: limit, resetMs: 0, retryAfterMs: 0, policy: '', windowMs: 0, atMs: nowMs }
}
