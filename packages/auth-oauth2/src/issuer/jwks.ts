import type { Http } from '../http/http.ts'
import type { Endpoint, HttpResponse } from '../http/http-types.ts'
import { OAuth2Error } from '../errors.ts'
import { jsonOf } from '../http/http.ts'
import { type KeySet, readKeySet, type VerificationKey } from '../token/keys.ts'
import { createRemote } from './remote.ts'

const MAX_BYTES = 1_048_576
const DEFAULT_AGE_MS = 600_000
const MIN_AGE_MS = 60_000
/** A key that is withdrawn must not be believed for as long as its issuer's cache might keep it. */
const MAX_AGE_MS = 3_600_000
const MAX_CANDIDATES = 2
const MAX_ASKED = 256
const BURST = 3
const REFILL_MS = 10_000

export interface JwksOptions {
  readonly what: string
  readonly endpoint: () => Promise<Endpoint>
  readonly http: Http
  readonly timeoutMs: number
  readonly maxStaleMs: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly onLoaded?: () => void
  readonly onFailed?: (error: unknown) => void
}

/** The key that a token needs. */
export interface Wanted {
  readonly algorithm: string
  readonly kid: string | undefined
  /** What is remembered as missing: the same for the same key id, else for the same token. */
  readonly name: string
}

export interface Jwks {
  /**
   * The keys that may have signed: two at most, none if a fetch that began after the key was first asked for has none such. Rejects with
   * `ERR_OAUTH2_UNAVAILABLE`, also when fetches are used up and so nobody can tell.
   */
  find(wanted: Wanted): Promise<readonly VerificationKey[]>
  /** The same, for a token without `kid` that no known key verified. */
  findAnew(wanted: Wanted): Promise<readonly VerificationKey[]>
  /** Whether keys seen before may still be believed; starts a refresh in the background when it is due. */
  keepFresh(): boolean
  load(): Promise<unknown>
  /** Whether this is what rejected because fetches are used up. */
  isSpent(error: unknown): boolean
}

interface Asked {
  /** How many fetches had begun when it was first asked for. */
  readonly since: number
  /** Until when it is taken to be missing, once a later fetch has told. */
  untilMs: number | undefined
}

/**
 * An issuer's keys. Tokens with key ids that nobody knows cause three fetches at once and one in ten seconds at most, so that a rotation is seen
 * soon and a flood of made-up ids is not passed on. When those are used up, an id that no fetch has looked for is an outage and no refusal.
 */
export const createJwks = (options: JwksOptions): Jwks => {
  const { now, http, timeoutMs } = options
  let keys: KeySet = new Map()
  const asked = new Map<string, Asked>()
  const spent = new WeakSet<object>()
  let begun = 0
  let done = { fetch: 0, atMs: 0 }
  let ageMs = DEFAULT_AGE_MS
  let permits = BURST
  let refilledAtMs = now()

  const remote = createRemote<KeySet>({
    ...options,
    maxAgeMs: () => ageMs,
    load: async () => {
      const told = { fetch: ++begun, atMs: now() }
      const endpoint = await options.endpoint()
      const headers = { accept: 'application/jwk-set+json, application/json' }
      const response = await http.send({
        ...endpoint,
        method: 'GET',
        headers,
        maxBytes: MAX_BYTES,
        timeoutMs,
        repeatable: true,
      })
      keys = readKeySet(jsonOf(`GET ${endpoint.url.href}`, response), keys)
      ageMs = ageOf(response)
      done = told
      for (const entry of asked.values()) if (entry.since < told.fetch) entry.untilMs ??= told.atMs + REFILL_MS
      return keys
    },
  })

  const permitted = (): boolean => {
    const gained = Math.floor((now() - refilledAtMs) / REFILL_MS)
    if (gained > 0) {
      permits = Math.min(BURST, permits + gained)
      refilledAtMs += gained * REFILL_MS
    }
    if (permits === 0) return false
    permits--
    return true
  }

  const select = (set: KeySet, { algorithm, kid }: Wanted): readonly VerificationKey[] => {
    const found: VerificationKey[] = []
    for (const key of set.values()) {
      if ((kid === undefined || key.kid === kid) && key.algorithms.includes(algorithm)) found.push(key)
    }
    // Trying every key of a large set for one token would be work for nothing.
    return found.length > MAX_CANDIDATES ? [] : found
  }

  /** How many fetches had begun when it was first asked for; forgotten some time after a fetch has told, or when too many are asked for. */
  const firstAsked = (name: string, before: number): number => {
    const entry = asked.get(name)
    if (entry !== undefined && (entry.untilMs === undefined || now() < entry.untilMs)) return entry.since
    asked.delete(name)
    if (asked.size >= MAX_ASKED) asked.delete(asked.keys().next().value as string)
    asked.set(name, { since: before, untilMs: done.fetch > before ? done.atMs + REFILL_MS : undefined })
    return before
  }

  const lookAnew = async (wanted: Wanted, before: number): Promise<readonly VerificationKey[]> => {
    const since = firstAsked(wanted.name, before)
    // Twice at most: a fetch under way may have been answered before the key was published, one that begins now was not.
    while (done.fetch <= since) {
      // While backing off this rejects: whether the key exists cannot be known.
      if (!remote.fetching && !remote.failing && !permitted()) {
        const retryAfterMs = Math.max(1, Math.ceil(refilledAtMs + REFILL_MS - now()))
        const message = `${options.what}: too many unknown keys were asked for`
        const error = new OAuth2Error('ERR_OAUTH2_UNAVAILABLE', message, { retryAfterMs })
        spent.add(error)
        throw error
      }
      await remote.refetch()
      if (wanted.kid !== undefined && select(keys, wanted).length > 0) break
    }
    return select(keys, wanted)
  }

  return {
    find: async (wanted) => {
      const before = begun
      const found = select(await remote.get(), wanted)
      return found.length > 0 ? found : lookAnew(wanted, before)
    },
    findAnew: (wanted) => lookAnew(wanted, begun),
    keepFresh: remote.keepFresh,
    load: async () => remote.get(),
    isSpent: (error) => typeof error === 'object' && error !== null && spent.has(error),
  }
}

/** What `Cache-Control` says (RFC 9111 section 5.2.2), from a minute to an hour. */
const ageOf = (response: HttpResponse): number => {
  const control = response.header('cache-control')?.toLowerCase() ?? ''
  if (/(?:^|[\s,])no-(?:store|cache)(?:$|[\s,])/.test(control)) return MIN_AGE_MS
  const seconds = /(?:^|[\s,])max-age=([0-9]{1,10})(?:$|[\s,])/.exec(control)?.[1]
  return seconds === undefined ? DEFAULT_AGE_MS : Math.min(Math.max(Number(seconds) * 1000, MIN_AGE_MS), MAX_AGE_MS)
}
