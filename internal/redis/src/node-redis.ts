import { EventEmitter } from 'node:events'
import { RedisLinkError } from './errors.ts'
import type { RedisClientLike } from './options.ts'
import { CONNECT_TIMEOUT_MS, type RawClient, retryDelay } from './raw.ts'

/** What we use of node-redis (the package `redis`, versions 4 to 6), by its shape. */
interface NodeRedis extends RedisClientLike {
  readonly options?: { readonly socket?: object }
  duplicate(options: object): NodeRedis
  connect(): Promise<unknown>
  sendCommand(command: readonly (string | Uint8Array)[]): Promise<unknown>
  subscribe(channel: string, listener: (text: string) => void): Promise<unknown>
  on(event: string, listener: (error: Error) => void): unknown
  /** Before version 5 `disconnect`. */
  destroy?(): unknown
  disconnect(): unknown
}

/** @throws RedisLinkError ERR_REDIS_OPTIONS for its Clusters, sentinels and pools */
export const isNodeRedis = (client: RedisClientLike): client is NodeRedis => {
  if (!('isOpen' in client)) return false
  if ('select' in client) return true
  throw new RedisLinkError(
    'ERR_REDIS_OPTIONS',
    'of the package redis only a single client can be used: give a Cluster or a client with sentinels of ioredis',
  )
}

/** As for ioredis: nothing is queued, and a lost connection is never used again, so that nothing is sent twice. */
const settings = {
  disableOfflineQueue: true,
  commandsQueueMaxLength: undefined,
  legacyMode: false,
  RESP: 2,
  clientSideCache: undefined,
  emitInvalidate: undefined,
  maintNotifications: 'disabled',
  // Without a timer for each command: the deadline is ours.
  commandOptions: { timeout: 0 },
}

/** A moment later, for it has yet to tell its commands why; and version 4 must not be closed while it says that it is connected. */
const close = (client: NodeRedis): void => {
  setImmediate(async () => {
    try {
      await (client.destroy ? client.destroy() : client.disconnect())
    } catch {
      // It was not open.
    }
  })
}

/** Opens a connection of our own like a client of node-redis and makes it look like one of ioredis. Every attempt to connect is a client of its own. */
export const openNodeRedis = (target: NodeRedis, name: string): RawClient => {
  const events = new EventEmitter()
  let client: NodeRedis | undefined
  let status = 'connecting'
  let attempts = 0
  let timer: NodeJS.Timeout | undefined

  const become = (next: string): void => {
    status = next
    events.emit(next)
  }
  const give = (use: (client: NodeRedis) => Promise<unknown>): Promise<unknown> =>
    client ? use(client) : Promise.reject(new Error('there is no connection'))

  const attempt = (): void => {
    status = 'connecting'
    const socket = { ...target.options?.socket, connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false }
    const mine = target.duplicate({ ...settings, name, socket })
    client = mine
    mine.on('error', (error) => lost(mine, error))
    mine.on('connect', () => {
      // Version 4 cannot be closed before.
      if (client === mine) become('connect')
      else close(mine)
    })
    mine.connect().then(
      () => {
        attempts = 0
        if (client === mine) become('ready')
      },
      (error) => lost(mine, error),
    )
  }
  const lost = (mine: NodeRedis, error?: Error): void => {
    close(mine)
    if (client !== mine) return
    client = undefined
    timer = setTimeout(attempt, retryDelay(++attempts))
    if (error) events.emit('error', error)
    become('close')
  }
  attempt()

  return {
    get status() {
      return status
    },
    call: (...command) => give((one) => one.sendCommand(command)),
    subscribe: (channel) => give((one) => one.subscribe(channel, (text) => events.emit('message', channel, text))),
    on: (event, listener) => events.on(event, listener as () => void),
    once: (event, listener) => events.once(event, listener as () => void),
    connect: async () => attempt(),
    disconnect: (reconnect) => {
      if (reconnect) return client && lost(client)
      clearTimeout(timer)
      const last = client
      client = undefined
      if (last && status !== 'connecting') close(last)
      become('end')
    },
  }
}
