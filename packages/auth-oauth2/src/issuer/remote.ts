import { OAuth2Error, unavailable } from '../errors.ts'

const FIRST_DELAY_MS = 1000
const MAX_DELAY_MS = 30_000

export interface RemoteOptions<T> {
  /** For messages. */
  readonly what: string
  readonly load: () => Promise<T>
  /** How old it may get; asked when it has been loaded. */
  readonly maxAgeMs: () => number
  /** How long past `maxAgeMs` the value is still believed while it cannot be fetched. */
  readonly maxStaleMs: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly onLoaded?: () => void
  readonly onFailed?: (error: unknown) => void
}

/** A document that lives elsewhere: fetched once for all who wait, refreshed ahead of time, believed for a while when it cannot be fetched. */
export interface Remote<T> {
  /** The value, or a promise where a fetch has to be waited for. Throws or rejects with `ERR_OAUTH2_UNAVAILABLE`. */
  get(): T | Promise<T>
  /** Fetches now, joining a fetch under way. Rejects at once while backing off. */
  refetch(): Promise<T>
  /** Whether the value may still be believed; starts a refresh in the background when it is due. */
  keepFresh(): boolean
  readonly fetching: boolean
  /** Whether the last fetch failed. */
  readonly failing: boolean
}

export const createRemote = <T>(options: RemoteOptions<T>): Remote<T> => {
  const { what, load, maxStaleMs, now } = options
  let held: { readonly value: T; readonly atMs: number; readonly maxAgeMs: number } | undefined
  let flight: Promise<T> | undefined
  let failures = 0
  let retryAtMs = Number.NEGATIVE_INFINITY
  let lastError: unknown

  const outage = (): OAuth2Error => unavailable(what, lastError, retryAtMs - now())

  const run = async (): Promise<T> => {
    const atMs = now()
    try {
      const value = await load()
      held = { value, atMs, maxAgeMs: options.maxAgeMs() }
      failures = 0
      retryAtMs = Number.NEGATIVE_INFINITY
      options.onLoaded?.()
      return value
    } catch (error) {
      const delayMs = Math.min(FIRST_DELAY_MS * 2 ** failures, MAX_DELAY_MS) * (0.8 + 0.4 * Math.random())
      const askedMs = error instanceof OAuth2Error ? (error.retryAfterMs ?? 0) : 0
      failures = Math.min(failures + 1, 16)
      retryAtMs = now() + Math.max(delayMs, askedMs)
      lastError = error
      options.onFailed?.(error)
      throw outage()
    } finally {
      flight = undefined
    }
  }

  const refetch = (): Promise<T> => {
    if (flight === undefined) {
      if (now() < retryAtMs) return Promise.reject(outage())
      flight = run()
    }
    return flight
  }

  const refreshBehind = (): void => {
    if (flight === undefined && now() >= retryAtMs) refetch().catch(() => undefined)
  }

  return {
    get() {
      if (held === undefined) return refetch()
      const { value, atMs, maxAgeMs } = held
      const ageMs = now() - atMs
      if (ageMs < maxAgeMs) {
        if (ageMs >= maxAgeMs / 2) refreshBehind()
        return value
      }
      if (ageMs >= maxAgeMs + maxStaleMs) return refetch()
      // Only the first to find it too old waits; once that has failed, nobody waits for the next deadline.
      if (failures === 0) return refetch().catch(() => value)
      refreshBehind()
      return value
    },
    refetch,
    keepFresh() {
      if (held === undefined) return false
      const { atMs, maxAgeMs } = held
      const ageMs = now() - atMs
      if (ageMs >= maxAgeMs / 2) refreshBehind()
      return ageMs < maxAgeMs + maxStaleMs
    },
    get fetching() {
      return flight !== undefined
    },
    get failing() {
      return failures > 0
    },
  }
}
