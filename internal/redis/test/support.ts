import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5'
import { createClient } from 'redis'
import { createClient as createClient4 } from 'redis-4'
import { createClient as createClient5 } from 'redis-5'
import { expect, vi } from 'vitest'
import {
  type RedisServer,
  type RedisServerOptions,
  startProxy,
  startRedis,
  type TcpProxy,
} from '../../testing/src/index.ts'
import { openRedis, type RedisClientLike, type RedisLink, type RedisLinkEvent } from '../src/index.ts'
import type { RedisLinkOptions } from '../src/options.ts'

export const isLong = process.env['PORTCULLIS_LONG'] === '1'

/** How long something may take: as promised in the long proofs, which have the machine to themselves; elsewhere it must only end. */
export const bound = (ms: number): number => (isLong ? ms : 20_000)

/** Every version of node-redis that is promised to work, by how a client of it is made. */
export const nodeRedis: readonly (readonly [string, (options: { url: string }) => RedisClientLike])[] = [
  ['redis 6', createClient],
  ['redis 5', createClient5],
  ['redis 4', createClient4],
]

/** Every library and version that is, by how a client that is not connected is made. */
export const libraries: readonly (readonly [string, (url: string) => RedisClientLike])[] = [
  ['ioredis 6', (url) => new Redis(url, { lazyConnect: true })],
  ['ioredis 5', (url) => new Redis5(url, { lazyConnect: true })],
  ...nodeRedis.map(([name, create]) => [name, (url: string) => create({ url })] as const),
]

type Nodes = { host: string; port: number }[]

export const clusters: readonly (readonly [string, (nodes: Nodes) => RedisClientLike])[] = [
  ['ioredis 6', (nodes) => new Cluster(nodes, { lazyConnect: true })],
  ['ioredis 5', (nodes) => new Cluster5(nodes, { lazyConnect: true })],
]

interface Sentinels {
  readonly sentinels: Nodes
  readonly name: string
  readonly role?: 'slave'
}

export const sentinelClients: readonly (readonly [string, (options: Sentinels) => RedisClientLike])[] = [
  ['ioredis 6', (options) => new Redis({ ...options, lazyConnect: true })],
  ['ioredis 5', (options) => new Redis5({ ...options, lazyConnect: true })],
]

type Finish = (act: () => Promise<void>) => void

/** A link that is closed after the test, and what it has told. */
export const open = (finish: Finish, options: RedisLinkOptions): { link: RedisLink; events: RedisLinkEvent[] } => {
  const events: RedisLinkEvent[] = []
  const link = openRedis({ commandTimeoutMs: 3000, onEvent: (event) => events.push(event), ...options })
  finish(() => link.close())
  return { link, events }
}

/** A server that is stopped after the test. */
export const serve = async (finish: Finish, options?: RedisServerOptions): Promise<RedisServer> => {
  const server = await startRedis(options)
  finish(() => server.stop())
  return server
}

/** A proxy that is stopped after the test. */
export const proxyTo = async (finish: Finish, port: number): Promise<TcpProxy> => {
  const proxy = await startProxy(port)
  finish(() => proxy.stop())
  return proxy
}

export const back = (link: RedisLink): Promise<void> =>
  vi.waitFor(() => expect(link.state).toBe('ready'), { timeout: 20_000, interval: 5 })

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** `ok`, or the code of what went wrong; that is always a fault of the connection. */
export const outcome = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'ok',
    (error: { code: string; fault: string }) => {
      expect(error).toMatchObject({ fault: 'unavailable', retryAfterMs: 1000 })
      return error.code
    },
  )
