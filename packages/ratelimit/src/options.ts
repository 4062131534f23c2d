import { RateLimitError } from './errors.ts'
import type { RateLimiterOptions, WindowLimit } from './types.ts'

const MAX_LIMITS = 256
const MAX_LIMIT = 2_147_483_647
const MAX_WINDOW_MS = 366 * 86_400_000
const MAX_KEYS = 10_000_000

const fail = (problem: string): never => {
  throw new RateLimitError('ERR_RATELIMIT_OPTIONS', problem)
}

/** Checks the options and fills in what is left out. */
export function readOptions(options: RateLimiterOptions): Required<RateLimiterOptions> {
  refuseUnknown(options, ['limits', 'maxKeys', 'clock'], 'options')
  const { limits, maxKeys = 100_000, clock = () => performance.now() } = options
  if (!Array.isArray(limits) || limits.length === 0 || limits.length > MAX_LIMITS) {
    fail(`limits must be an array of 1 to ${MAX_LIMITS} limits`)
  }
  if (!isWhole(maxKeys, MAX_KEYS)) fail(`maxKeys must be a whole number from 1 to ${MAX_KEYS}`)
  if (typeof clock !== 'function') fail('clock must be a function that answers milliseconds')
  const names = new Set<string>()
  limits.forEach((limit: WindowLimit, index: number) => {
    checkLimit(limit, `limits[${index}]`)
    if (names.has(limit.name)) fail(`limits[${index}]: the name ${JSON.stringify(limit.name)} stands twice`)
    names.add(limit.name)
  })
  return { limits, maxKeys, clock }
}

function checkLimit(limit: WindowLimit, place: string): void {
  refuseUnknown(limit, ['name', 'algorithm', 'limit', 'windowMs'], place)
  if (typeof limit.name !== 'string' || !/^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}$/.test(limit.name)) {
    fail(`${place}: name must be 1 to 64 printable ASCII characters without quotes and backslashes`)
  }
  if (limit.algorithm !== 'window') {
    fail(`${place}: algorithm ${JSON.stringify(limit.algorithm)} is not supported; supported: "window"`)
  }
  if (!isWhole(limit.limit, MAX_LIMIT)) fail(`${place}: limit must be a whole number from 1 to ${MAX_LIMIT}`)
  if (!isWhole(limit.windowMs, MAX_WINDOW_MS))
    fail(`${place}: windowMs must be a whole number from 1 to ${MAX_WINDOW_MS} (366 days)`)
}

function isWhole(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max
}

function refuseUnknown(value: unknown, known: readonly string[], place: string): void {
  if (typeof value !== 'object' || value === null) fail(`${place} must be an object`)
  for (const key of Object.keys(value as object)) {
    if (!known.includes(key))
      fail(`${place} has an unknown field ${JSON.stringify(key)}; known fields: ${known.join(', ')}`)
  }
}
