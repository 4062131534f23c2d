import type { RedisLink } from '@portcullis-internal/redis'
import { RateLimitError } from './errors.ts'
import { encodeRules } from './redis-rules.ts'
import { LEASE_CHARS, OPERATIONS } from './lua/format.ts'
import { limitScript } from './lua/script.ts'
import type { Limit } from './types.ts'

/** Small enough that the next can be made while one is under way. */
const MAX_BATCH = 32
/** What a key lives longer than its limits, for the server's clock is read more than once. */
const SPARE_MS = 1000
const SPARE_IN_TESTS_MS = 3_600_000

/** What to tell: a limit that a charge came near to and what is left, or one in mode `shadow` that would have refused and the wait in microseconds. */
export interface Note {
  readonly kind: 'near' | 'shadow'
  readonly index: number
  readonly value: number
}

/** Of `check` and `peek`; of the others only `outcome` counts. Times in microseconds of the server's clock. */
export interface Reply {
  readonly outcome: number
  readonly nowUs: number
  readonly left: number
  readonly resetUs: number
  /** 0 when allowed. */
  readonly retryUs: number
  readonly notes: readonly Note[]
}

export interface Request {
  readonly operation: keyof typeof OPERATIONS
  readonly selected: readonly number[]
  readonly cost: number
  /** For `refund`; -1: the oldest. */
  readonly atUs: number
  readonly leaseId: string
  resolve(reply: Reply): void
  /** With a `RedisLinkError`, or ERR_RATELIMIT_SCRIPT for a key whose content is not ours. */
  reject(error: unknown): void
}

export interface Batches {
  /** `name` is the key in Redis. */
  add(name: string, request: Request): void
  readonly stats: { batches: number; batched: number }
}

type Batch = Map<string, Request[]>

/**
 * Sends what is asked in one turn of the event loop together. While nothing is under way it does not wait for the end of the turn, but only for what runs
 * now, so that a single request is not held up.
 * @param perKey A Cluster runs a script for one slot, so that each key goes by itself.
 */
export function createBatches(
  link: RedisLink,
  limits: readonly Limit[],
  perKey: boolean,
  serverTimeMs: (() => number) | undefined,
): Batches {
  const rules = encodeRules(limits)
  const spareMs = serverTimeMs === undefined ? SPARE_MS : SPARE_IN_TESTS_MS
  const stats = { batches: 0, batched: 0 }
  let waiting: Batch = new Map()
  let count = 0
  let underWay = 0
  let latestMs = 0

  const time = (): string => {
    if (serverTimeMs === undefined) return ''
    const nowMs = serverTimeMs()
    if (Number.isFinite(nowMs)) latestMs = nowMs
    return String(Math.round(latestMs * 1000))
  }

  const send = async (batch: Batch): Promise<void> => {
    stats.batches++
    const timeText = time()
    const groups: Batch[] = perKey ? [...batch].map((one) => new Map([one])) : [batch]
    const calls = groups.map((group) => ({ keys: [...group.keys()], args: [rules, encode(group), spareMs, timeText] }))
    underWay++
    try {
      const outcomes = await link.evalEach(limitScript, calls)
      outcomes.forEach((outcome, index) => {
        const group = groups[index] as Batch
        if (outcome.status === 'fulfilled') deliver(group, outcome.value as (number | string)[])
        else rejectAll(group, outcome.reason)
      })
    } catch (error) {
      rejectAll(batch, error)
    } finally {
      underWay--
    }
  }

  const flush = (): void => {
    if (count === 0) return
    const batch = waiting
    waiting = new Map()
    count = 0
    void send(batch)
  }

  return {
    stats,
    add(name, request) {
      if (count === 0) {
        if (underWay === 0) process.nextTick(flush)
        else setImmediate(flush)
      }
      stats.batched++
      const same = waiting.get(name)
      if (same === undefined) waiting.set(name, [request])
      else same.push(request)
      if (++count >= MAX_BATCH) flush()
    },
  }
}

/** For each key the length of its operations in bytes, and those: operation, cost, limits, and what belongs to it. */
function encode(batch: Batch): Buffer {
  let size = 0
  for (const requests of batch.values()) {
    size += 2
    for (let i = 0; i < requests.length; i++) size += 6 + LEASE_CHARS + (requests[i] as Request).selected.length
  }
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (const requests of batch.values()) {
    const begin = at
    at += 2
    for (let i = 0; i < requests.length; i++) at = encodeOne(bytes, at, requests[i] as Request)
    const length = at - begin - 2
    bytes[begin] = length
    bytes[begin + 1] = length >>> 8
  }
  return bytes.subarray(0, at)
}

function encodeOne(bytes: Buffer, from: number, request: Request): number {
  const { operation, cost, selected, atUs, leaseId } = request
  let at = from
  bytes[at++] = OPERATIONS[operation]
  bytes[at++] = cost
  bytes[at++] = cost >>> 8
  bytes[at++] = cost >>> 16
  bytes[at++] = cost >>> 24
  bytes[at++] = selected.length
  for (let i = 0; i < selected.length; i++) bytes[at++] = selected[i] as number
  if (operation === 'refund') return bytes.writeDoubleLE(atUs, at)
  return leaseId === '' ? at : at + bytes.write(leaseId, at, LEASE_CHARS, 'latin1')
}

function rejectAll(batch: Batch, error: unknown): void {
  for (const requests of batch.values()) for (const request of requests) request.reject(error)
}

const LIMIT = 255
const ALLOWED = 256
const NOTED = 512
const UNREADABLE = -1
const SHIFTED = -2
const none: readonly Note[] = []

/** Hands out what the script answered. */
function deliver(batch: Batch, reply: readonly (number | string)[]): void {
  const clockUs = reply[0] as number
  let at = 1
  for (const requests of batch.values()) {
    let nowUs = clockUs
    if (reply[at] === SHIFTED) {
      nowUs = reply[at + 1] as number
      at += 2
    }
    if (reply[at] === UNREADABLE) {
      const why = JSON.stringify(String(reply[at + 1]).slice(0, 200))
      const error = new RateLimitError('ERR_RATELIMIT_SCRIPT', `what Redis keeps for a key cannot be read: ${why}`)
      for (const request of requests) request.reject(error)
      at += 2
      continue
    }
    for (let i = 0; i < requests.length; i++) at = deliverOne(requests[i] as Request, nowUs, reply as number[], at)
  }
}

function deliverOne(request: Request, nowUs: number, reply: readonly number[], from: number): number {
  const { operation } = request
  let at = from
  const code = reply[at++] as number
  const asks = operation === 'check' || operation === 'peek' || operation === 'lease'
  const left = asks ? (reply[at++] as number) : 0
  const resetUs = asks ? (reply[at++] as number) : 0
  const retryUs = asks && (code & ALLOWED) === 0 ? (reply[at++] as number) : 0
  let notes = none
  if ((code & NOTED) !== 0) {
    const count = reply[at++] as number
    notes = Array.from({ length: count }, () => note(reply[at++] as number, reply[at++] as number))
  }
  request.resolve({ outcome: code & LIMIT, nowUs, left, resetUs, retryUs, notes })
  return at
}

const note = (code: number, value: number): Note => ({
  kind: code < NOTED ? 'near' : 'shadow',
  index: (code & LIMIT) - 1,
  value,
})
