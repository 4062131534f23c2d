import { RateLimitError } from './errors.ts'
import type { Limit, RateLimiterOptions } from './types.ts'

const MAX_LIMITS = 255
const MAX_UNITS = 2_147_483_647
const MAX_WINDOW_MS = 366 * 86_400_000
const MAX_KEYS = 10_000_000
/** Up to this limit a window is exact unless told otherwise, and up to the other it can be. */
export const EXACT_BY_DEFAULT = 128
const MAX_EXACT = 1024

const common = ['name', 'algorithm', 'limit', 'windowMs', 'mode', 'nearRatio', 'onStoreFailure']
const fieldsOf = { window: [...common, 'exact'], gcra: [...common, 'burst'], concurrency: common }

export const fail = (problem: string): never => {
  throw new RateLimitError('ERR_RATELIMIT_OPTIONS', problem)
}

/** The monotonic clock that is quickest to read. */
export const monotonic = (): number => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1_000_000
}

/** What is left of a limit when it is nearly used up. */
export const nearLeft = (capacity: number, nearRatio = 0.8): number =>
  // A ratio in binary is a little off, and must not ask for one unit more than in decimal.
  capacity - Math.ceil(capacity * nearRatio * (1 - 2 ** -50))

export type ReadOptions = Required<RateLimiterOptions>

/** Checks the options and fills in what is left out. */
export function readOptions(options: RateLimiterOptions): ReadOptions {
  refuseUnknown(options, ['limits', 'maxKeys', 'clock', 'onEvent'], 'options')
  const { limits, maxKeys = 100_000, clock = monotonic, onEvent } = options
  if (!Array.isArray(limits) || limits.length === 0 || limits.length > MAX_LIMITS) {
    fail(`limits must be an array of 1 to ${MAX_LIMITS} limits`)
  }
  checkWhole(maxKeys, MAX_KEYS, 'maxKeys')
  if (typeof clock !== 'function') fail('clock must be a function that answers milliseconds')
  if (onEvent !== undefined && typeof onEvent !== 'function') fail('onEvent must be a function')
  const names = new Set<string>()
  limits.forEach((limit: Limit, index: number) => {
    checkLimit(limit, `limits[${index}]`)
    if (names.has(limit.name)) fail(`limits[${index}]: the name ${JSON.stringify(limit.name)} stands twice`)
    names.add(limit.name)
  })
  return { limits, maxKeys, clock, onEvent: quiet(onEvent) }
}

/** Who watches must not break what is watched. */
export function quiet<Event>(listener: ((event: Event) => void) | undefined): (event: Event) => void {
  return (event) => {
    try {
      listener?.(event)
    } catch {}
  }
}

function checkLimit(limit: Limit, place: string): void {
  const fields = fieldsOf[(limit as Limit | undefined)?.algorithm as Limit['algorithm']]
  if (typeof limit === 'object' && limit !== null && !Object.hasOwn(fieldsOf, String(limit.algorithm))) {
    fail(`${place}: algorithm ${JSON.stringify(limit.algorithm)} is not one of "window", "gcra", "concurrency"`)
  }
  refuseUnknown(limit, fields, place)
  if (typeof limit.name !== 'string' || !/^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}$/.test(limit.name)) {
    fail(`${place}: name must be 1 to 64 printable ASCII characters without quotes and backslashes`)
  }
  checkWhole(limit.limit, MAX_UNITS, `${place}: limit`)
  checkWhole(limit.windowMs, MAX_WINDOW_MS, `${place}: windowMs`, ' (366 days)')
  const { mode = 'enforce', nearRatio = 0.8 } = limit
  if (mode !== 'enforce' && mode !== 'shadow') fail(`${place}: mode must be "enforce" or "shadow"`)
  if (!(typeof nearRatio === 'number' && nearRatio > 0 && nearRatio <= 1)) {
    fail(`${place}: nearRatio must be a number above 0, at most 1`)
  }
  if (limit.algorithm === 'gcra' && limit.burst !== undefined) checkWhole(limit.burst, MAX_UNITS, `${place}: burst`)
  if (limit.algorithm === 'window' && limit.exact !== undefined) {
    if (typeof limit.exact !== 'boolean') fail(`${place}: exact must be true or false`)
    if (limit.exact && limit.limit > MAX_EXACT) fail(`${place}: exact is possible for limits up to ${MAX_EXACT}`)
  }
}

function checkWhole(value: unknown, max: number, place: string, unit = ''): void {
  const whole = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max
  if (!whole) fail(`${place} must be a whole number from 1 to ${max}${unit}`)
}

export function refuseUnknown(value: unknown, known: readonly string[], place: string): void {
  if (typeof value !== 'object' || value === null) fail(`${place} must be an object`)
  for (const key of Object.keys(value as object)) {
    if (!known.includes(key))
      fail(`${place} has an unknown field ${JSON.stringify(key)}; known fields: ${known.join(', ')}`)
  }
}
