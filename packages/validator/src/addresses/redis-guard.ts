import { createHash } from 'node:crypto'
import { openRedis, type RedisLink, RedisLinkError } from '@portcullis-internal/redis'
import { ValidatorError } from '../errors.ts'
import { canonicalCidr, createNetworks, type Networks } from './networks.ts'
import { banGroup, createReads, type Entry, readForMs, readGuardOptions } from './options.ts'
import { blockScript, readScript, strikeScript, unblockScript } from './scripts.ts'
import type { AddressGuardOptions, AddressGuardReads, GuardedEntry, RedisAddressGuard } from './types.ts'

/** A client of ioredis (single, Sentinel or Cluster) or of node-redis (single), by its shape; it is never used or closed itself. */
export interface RedisClientLike {
  duplicate(...args: never[]): unknown
}

export interface RedisAddressGuardOptions extends AddressGuardOptions {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. Either this or `client`. */
  readonly url?: string
  readonly client?: RedisClientLike
  /** How long Redis may take, 1 to 60,000 ms. Default 100. */
  readonly commandTimeoutMs?: number
  /** Allows `redis://` to hosts beyond loopback: whoever is on the way can then lift every block. */
  readonly dangerouslyAllowPlaintextRedis?: boolean
  /** What all keys in Redis begin with: 1 to 64 of `[A-Za-z0-9:_.-]`. Default `portcullis`. */
  readonly namespace?: string
  /** How often is asked whether anything changed, 50 to 60,000 ms; changes are pushed as well. Default 400. */
  readonly pollMs?: number
  /** How long what is known may be used when Redis does not answer, 1,000 to 600,000 ms; then every question throws `ERR_VALIDATOR_STORE`. Default 10,000. */
  readonly maxStaleMs?: number
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly clock?: () => number
}

const MAX_REASON_CHARS = 200

/**
 * Blocks, permits and bans that any number of processes share through Redis 6 or later, or Valkey. Questions are answered from memory; changes are pushed, and asked for in
 * case a push was lost. Ends are of the server's clock. The networks of `block` and `allow` are of each process. Returns at once: until the first read every question throws.
 * @throws ValidatorError ERR_VALIDATOR_OPTIONS, ERR_VALIDATOR_ADDRESS
 */
export function createRedisAddressGuard(options: RedisAddressGuardOptions): RedisAddressGuard {
  const {
    url,
    client,
    commandTimeoutMs,
    dangerouslyAllowPlaintextRedis,
    namespace = 'portcullis',
    pollMs = 400,
    maxStaleMs = 10_000,
    clock = () => performance.now(),
    ...rest
  } = options ?? {}
  const settings = readGuardOptions(rest)
  if (typeof namespace !== 'string' || !/^[A-Za-z0-9:_.-]{1,64}$/.test(namespace))
    invalid('namespace must be 1 to 64 of [A-Za-z0-9:_.-]')
  if (!Number.isInteger(pollMs) || pollMs < 50 || pollMs > 60_000)
    invalid('pollMs must be a whole number from 50 to 60000')
  if (!Number.isInteger(maxStaleMs) || maxStaleMs < 1000 || maxStaleMs > 600_000)
    invalid('maxStaleMs must be a whole number from 1000 to 600000')
  const link = open({ url, client, commandTimeoutMs, dangerouslyAllowPlaintextRedis })
  const base = `${namespace}:addresses:{a}`
  const channel = `${base}:changes`
  const keys = [`${base}:entries`, `${base}:ends`, `${base}:epoch`]
  const recordKey = (cidr: string): string =>
    `${base}:r:${createHash('sha256').update(cidr).digest('base64url').slice(0, 32)}`

  let table = createNetworks<Entry>()
  let seenAtMs = Number.NEGATIVE_INFINITY
  let closed = false
  let reading: Promise<void> | undefined
  let again = false
  const { promise: ready, resolve: nowReady, reject: neverReady } = deferred()
  ready.catch(() => {})

  const read = async (): Promise<void> => {
    const beganAtMs = clock()
    const [, serverNow, flat] = (await link.eval(readScript, keys, [])) as [string, string, unknown]
    const next = createNetworks<Entry>()
    for (const cidr of settings.block) next.set(cidr, { kind: 'block', endsMs: Number.POSITIVE_INFINITY })
    for (const [cidr, text] of pairsOf(flat)) learn(next, cidr, text, Number(serverNow), clock())
    table = next
    seenAtMs = beganAtMs
    nowReady()
  }
  /** One read at a time; a change that comes while one is under way is read after it. */
  const refresh = (): Promise<void> => {
    if (closed) return Promise.resolve()
    if (reading !== undefined) {
      again = true
      return reading
    }
    reading = read()
      // Unread, what is known grows stale, which is all there is to do.
      .catch(() => {})
      .then(() => {
        reading = undefined
        if (!again) return undefined
        again = false
        return refresh()
      })
    return reading
  }
  const timer = setInterval(() => void refresh(), pollMs).unref()
  const unsubscribe = link.subscribe(channel, { message: () => void refresh(), subscribed: () => void refresh() })
  void refresh()

  const fresh = (): Networks<Entry> => {
    const ageMs = clock() - seenAtMs
    if (closed || !(ageMs >= 0 && ageMs <= maxStaleMs))
      throw new ValidatorError('ERR_VALIDATOR_STORE', 'the list of blocked addresses could not be read')
    return table
  }
  const reads = (): AddressGuardReads => createReads(settings, fresh(), clock)
  const run = async (
    script: typeof blockScript,
    places: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> => {
    try {
      return await link.eval(script, [...keys, ...places], args)
    } catch (error) {
      throw new ValidatorError('ERR_VALIDATOR_STORE', 'Redis did not carry out the change', { cause: error })
    }
  }
  const full = (): never => {
    throw new ValidatorError('ERR_VALIDATOR_LIST_FULL', `the address list holds ${settings.maxEntries} entries already`)
  }

  return {
    ready,
    has: (address) => reads().has(address),
    decide: (address) => reads().decide(address),
    clientAddress: createReads(settings, createNetworks(), clock).clientAddress,
    async block(cidr, { reason = '', forMs } = {}) {
      const length = readForMs(forMs)
      const canonical = canonicalCidr(cidr)
      const done = await run(
        blockScript,
        [],
        [
          canonical,
          reason.slice(0, MAX_REASON_CHARS),
          length === Number.POSITIVE_INFINITY ? 0 : Math.ceil(length),
          settings.maxEntries,
          channel,
        ],
      )
      if (Number(done) === 0) full()
      await refresh()
    },
    async unblock(cidr) {
      const canonical = canonicalCidr(cidr)
      const had = await run(unblockScript, [recordKey(canonical)], [canonical, channel])
      await refresh()
      return Number(had) === 1
    },
    async strike(address, reason = '') {
      const group = banGroup(address, settings)
      if (group === undefined) return { banned: false, exempt: true }
      const { strikes, windowMs, baseMs, factor, maxMs, forgetMs } = settings.bans
      const args = [
        group,
        reason.slice(0, MAX_REASON_CHARS),
        strikes,
        windowMs,
        baseMs,
        factor,
        maxMs,
        forgetMs,
        settings.maxEntries,
        channel,
      ]
      const [outcome, value, nth] = ((await run(strikeScript, [recordKey(group)], args)) as unknown[]).map(Number) as [
        number,
        number,
        number,
      ]
      if (outcome === 0) return { banned: false, left: value }
      if (outcome === 2) full()
      await refresh()
      return { banned: true, cidr: group, forMs: value, nth }
    },
    async list() {
      await refresh()
      const nowMs = clock()
      return Array.from(
        fresh().entries(),
        ([cidr, { kind, reason, endsMs }]): GuardedEntry => ({
          cidr,
          kind,
          ...(reason === undefined ? {} : { reason }),
          ...(endsMs === Number.POSITIVE_INFINITY ? {} : { remainingMs: endsMs - nowMs }),
        }),
      ).filter(({ remainingMs = 1 }) => remainingMs > 0)
    },
    async close() {
      closed = true
      clearInterval(timer)
      neverReady(new ValidatorError('ERR_VALIDATOR_STORE', 'closed'))
      await unsubscribe()
      await link.close()
    },
  }
}

function learn(into: Networks<Entry>, cidr: string, text: string, serverNowMs: number, nowMs: number): void {
  try {
    const { kind, reason, ends } = JSON.parse(text) as { kind: unknown; reason: unknown; ends: unknown }
    const endsMs = Number(ends) === 0 ? Number.POSITIVE_INFINITY : nowMs + (Number(ends) - serverNowMs)
    into.set(cidr, {
      kind: kind === 'ban' ? 'ban' : 'block',
      endsMs,
      ...(typeof reason === 'string' && reason !== '' ? { reason } : {}),
    })
  } catch {
    // What somebody else wrote there is no network of ours.
  }
}

/** A hash as Redis answers it: names and values in turn, or a map where the client speaks RESP3. */
function pairsOf(flat: unknown): [string, string][] {
  if (!Array.isArray(flat)) return Object.entries(flat as Record<string, string>)
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([String(flat[i]), String(flat[i + 1])])
  return pairs
}

function invalid(problem: string, cause?: unknown): never {
  throw new ValidatorError('ERR_VALIDATOR_OPTIONS', problem, cause === undefined ? undefined : { cause })
}

function open(options: Parameters<typeof openRedis>[0]): RedisLink {
  try {
    return openRedis(options)
  } catch (error) {
    if (error instanceof RedisLinkError) return invalid(error.message, error)
    throw error
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (reason: unknown) => void } {
  let resolve: () => void = () => {}
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<void>((done, failed) => {
    resolve = done
    reject = failed
  })
  return { promise, resolve, reject }
}
