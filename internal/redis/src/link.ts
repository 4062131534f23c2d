import { connect, connectSubscriber } from './client.ts'
import { withDeadline } from './deadline.ts'
import { isNoScript, RedisLinkError } from './errors.ts'
import { type LinkState, watchHealth } from './health.ts'
import { type RedisLinkOptions, readOptions } from './options.ts'
import { disconnect } from './raw.ts'
import type { RedisScript } from './script.ts'
import { type SubscriptionHandler, subscribeOn } from './subscription.ts'

/** Bytes are sent as they are, and must stay so until there is an answer. */
type Argument = string | number | Uint8Array

/** One run of a script: its keys share one hash tag, so that it runs in a Cluster too. */
export interface ScriptCall {
  readonly keys: readonly string[]
  readonly args: readonly Argument[]
}

export interface RedisLink {
  /** Runs a script by its hash, and by its text only when Redis says that it does not know it. Anything else that goes wrong is never repeated. */
  eval(script: RedisScript, keys: readonly string[], args: readonly Argument[]): Promise<unknown>
  /** The same for many at once, in one round trip where the server is one; each has an outcome of its own. */
  evalEach(script: RedisScript, calls: readonly ScriptCall[]): Promise<PromiseSettledResult<unknown>[]>
  call(command: string, ...args: Argument[]): Promise<unknown>
  /** Listens on a connection of its own, which subscribes anew whenever it had to reconnect. Returns what ends it. */
  subscribe(channel: string, handler: SubscriptionHandler): () => Promise<void>
  /** Resolves at the first connection; rejects when the link is closed before. */
  readonly ready: Promise<void>
  readonly state: LinkState
  close(): Promise<void>
}

const sendable = (arg: Argument): string | Buffer =>
  typeof arg === 'object' ? Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength) : String(arg)

type Command = readonly [string, ...(string | Buffer)[]]

const evalCommand = (name: string, script: string, { keys, args }: ScriptCall): Command => [
  name,
  script,
  String(keys.length),
  ...keys,
  ...args.map(sendable),
]

/**
 * Opens a connection to Redis with a deadline on every command and a circuit breaker over all of them. Returns at once; commands wait for the first attempt to
 * connect, and after that never for a connection.
 * @throws RedisLinkError ERR_REDIS_OPTIONS, ERR_REDIS_PLAINTEXT
 */
export const openRedis = (options: RedisLinkOptions): RedisLink => {
  const { target, commandTimeoutMs, onEvent } = readOptions(options)
  const client = connect(target, 'portcullis', commandTimeoutMs)
  const health = watchHealth(client, commandTimeoutMs, onEvent)
  const subscriptions = new Set<() => Promise<void>>()
  let closing: Promise<unknown> | undefined
  const late = () => new RedisLinkError('ERR_REDIS_TIMEOUT', `Redis did not answer within ${commandTimeoutMs} ms`)

  /** Runs `act` under the deadline; `expired` tells it that nobody waits for it any more. */
  const guarded = async <T>(act: (expired: () => boolean) => Promise<T>): Promise<T> => {
    let expired = false
    const run = async () => {
      await health.admit()
      return act(() => expired)
    }
    try {
      const answer = await withDeadline(run(), commandTimeoutMs, late)
      health.answered()
      return answer
    } catch (error) {
      expired = true
      throw health.failed(error)
    }
  }

  /** Sends every command at once; in one piece where the library can. */
  const sendAll = async (commands: readonly Command[]): Promise<PromiseSettledResult<unknown>[]> => {
    if (commands.length < 2 || !client.pipeline) {
      return Promise.allSettled(commands.map((command) => client.call(...command)))
    }
    const answers = (await client.pipeline(commands).exec()) ?? []
    return answers.map(([reason, value]) => (reason ? { status: 'rejected', reason } : { status: 'fulfilled', value }))
  }

  const evalTogether: RedisLink['evalEach'] = (script, calls) =>
    guarded(async (expired) => {
      const outcomes = await sendAll(calls.map((call) => evalCommand('evalsha', script.sha, call)))
      const missing = outcomes.flatMap((one, index) =>
        one.status === 'rejected' && isNoScript(one.reason) ? [index] : [],
      )
      if (missing.length > 0 && !expired()) {
        // Redis was restarted or flushed. The first brings the text, after which the server knows it for the others.
        const again = await sendAll(
          missing.map((index, nth) => {
            const call = calls[index] as ScriptCall
            return nth === 0 ? evalCommand('eval', script.text, call) : evalCommand('evalsha', script.sha, call)
          }),
        )
        for (const [nth, outcome] of again.entries()) outcomes[missing[nth] as number] = outcome
      }
      return outcomes.map((one) => (one.status === 'rejected' ? { ...one, reason: health.failed(one.reason) } : one))
    })

  const evalOne: RedisLink['eval'] = async (script, keys, args) => {
    const [outcome] = await evalTogether(script, [{ keys, args }])
    if (outcome?.status === 'fulfilled') return outcome.value
    throw outcome?.reason
  }

  return {
    eval: evalOne,
    // In a Cluster each has a deadline of its own, for one node may be silent.
    evalEach: (script, calls) =>
      client.nodes
        ? Promise.allSettled(calls.map(({ keys, args }) => evalOne(script, keys, args)))
        : evalTogether(script, calls),
    call: (command, ...args) => guarded(() => client.call(command, ...args.map(sendable))),
    subscribe: (channel, handler) => {
      if (closing) return async () => {}
      const end = subscribeOn(() => connectSubscriber(target, client, 'portcullis-subscriber'), channel, handler)
      const leave = () => {
        subscriptions.delete(leave)
        return end()
      }
      subscriptions.add(leave)
      return leave
    },
    ready: health.ready,
    get state() {
      return health.state
    },
    close: () => {
      health.close()
      closing ??= Promise.all([disconnect(client), ...[...subscriptions].map((leave) => leave())])
      return closing.then(() => {})
    },
  }
}
