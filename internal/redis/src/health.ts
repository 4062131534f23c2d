import { pingMasters } from './cluster.ts'
import { withDeadline } from './deadline.ts'
import { isReply, RedisLinkError, replyCode, translate } from './errors.ts'
import type { RedisLinkEvent } from './options.ts'
import type { RawClient } from './raw.ts'

const FAILURES_TO_OPEN = 3
const PROBE_MS = 250
/** A connection without any answer for so long, or for the deadline if that is longer, is given up: it may lead nowhere. */
const SILENCE_MS = 1000

export type LinkState = 'connecting' | 'ready' | 'down' | 'closed'

/**
 * Whether commands are worth sending: the state of the connection and a circuit breaker over it. After a few commands in a row without an answer nothing is
 * sent but a probe every 250 ms, by a timer that keeps no process alive. A Cluster is down only as a whole; of its nodes those that are silent are given up.
 */
export interface Health {
  readonly state: LinkState
  /** Resolves at the first connection. */
  readonly ready: Promise<void>
  /** Resolves when a command may be sent; waits only for the first attempt to connect. Rejects at once otherwise. */
  admit(): Promise<void> | undefined
  answered(): void
  /** Takes in what went wrong with a command and returns it as an error of ours. */
  failed(error: unknown): RedisLinkError
  close(): void
}

export const watchHealth = (
  client: RawClient,
  commandTimeoutMs: number,
  notify: (event: RedisLinkEvent) => void,
): Health => {
  const silenceMs = Math.max(SILENCE_MS, commandTimeoutMs)
  let state: LinkState = 'connecting'
  let lastError: RedisLinkError | undefined
  let failures = 0
  let silentProbes = 0
  let downAtMs = 0
  let askedAtMs = -Infinity
  let timer: NodeJS.Timeout | undefined
  let resolveReady: () => void = () => {}
  let rejectReady: (error: RedisLinkError) => void = () => {}
  const ready = new Promise<void>((resolve, reject) => {
    resolveReady = resolve
    rejectReady = reject
  })
  ready.catch(() => {})
  let endFirst: () => void = () => {}
  const first = new Promise<void>((resolve) => (endFirst = resolve))

  const refusal = (): RedisLinkError | undefined =>
    state === 'closed'
      ? new RedisLinkError('ERR_REDIS_CLOSED', 'the connection to Redis was closed by this process')
      : state === 'ready'
        ? undefined
        : new RedisLinkError(
            lastError?.code === 'ERR_REDIS_REFUSED' ? 'ERR_REDIS_REFUSED' : 'ERR_REDIS_UNAVAILABLE',
            lastError?.message ?? 'Redis is not available: there is no connection',
          )

  const up = () => {
    const before = state
    if (before === 'closed' || before === 'ready') return
    state = 'ready'
    failures = 0
    lastError = undefined
    clearInterval(timer)
    timer = undefined
    endFirst()
    resolveReady()
    if (before === 'down') notify({ type: 'up', downMs: performance.now() - downAtMs })
  }
  const down = () => {
    if (state === 'closed' || state === 'down') return
    state = 'down'
    downAtMs = performance.now()
    silentProbes = 0
    timer ??= setInterval(probe, PROBE_MS).unref()
    endFirst()
    notify({ type: 'down', reason: (refusal() as RedisLinkError).message })
    probe()
  }
  /** A connection is of use when it has answered, which is not sure as long as the server loads or wants a password. */
  const ask = () => {
    const answer = client.nodes
      ? pingMasters(client.nodes('master'), silenceMs)
      : withDeadline(
          client.call('ping').then(() => void (silentProbes = 0)),
          // At the start there is more to do than to answer.
          state === 'connecting' ? silenceMs : commandTimeoutMs,
          () => new Error('there was no answer'),
        )
    answer.then(up, (error) => {
      if (isReply(error)) {
        silentProbes = 0
        lastError = undefined
      }
      lastError ??= translate(error)
      down()
    })
  }
  const probe = () => {
    const { status } = client
    // It has given up.
    if (status === 'end') client.connect().catch(() => {})
    if (status !== 'connect' && status !== 'ready') return
    if (++silentProbes * PROBE_MS > silenceMs) {
      silentProbes = 0
      client.disconnect(true)
    } else if (status === 'ready') ask()
  }
  /** What may not be done for every command that fails. */
  const seldom = (ms: number, act: () => void) => {
    const nowMs = performance.now()
    if (nowMs - askedAtMs < ms) return
    askedAtMs = nowMs
    act()
  }

  const learn = (error: Error & { lastNodeError?: Error }) => {
    lastError = translate(error.lastNodeError ?? error)
  }
  client.on('node error', learn)
  client.on('error', learn)
  client.on('error', () => {
    if (state === 'connecting') down()
  })
  client.on('ready', ask)
  client.on('close', down)
  client.on('end', down)

  return {
    get state() {
      return state
    },
    ready,
    admit() {
      if (state === 'ready') return undefined
      const refused = () => {
        const error = refusal()
        if (error) throw error
      }
      return (state === 'connecting' ? first : Promise.resolve()).then(refused)
    },
    answered() {
      failures = 0
    },
    failed(error) {
      const ours = translate(error)
      const { code } = ours
      if (client.nodes) {
        if (ours.fault === 'unavailable' && state === 'ready') {
          seldom(silenceMs, () => pingMasters(client.nodes?.('master') ?? [], silenceMs).catch(() => {}))
        }
      } else if (code === 'ERR_REDIS_TIMEOUT') {
        if (++failures >= FAILURES_TO_OPEN) {
          lastError ??= ours
          down()
        }
      } else if (code === 'ERR_REDIS_REPLY') failures = 0
      // After a failover the connection may lead to what is a replica now.
      else if (error instanceof Error && replyCode(error.message) === 'READONLY') {
        seldom(SILENCE_MS, () => client.disconnect(true))
      }
      return ours
    },
    close() {
      state = 'closed'
      clearInterval(timer)
      endFirst()
      rejectReady(refusal() as RedisLinkError)
    },
  }
}
