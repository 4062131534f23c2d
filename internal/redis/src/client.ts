import { createRequire } from 'node:module'
import { openCluster } from './cluster.ts'
import { RedisLinkError } from './errors.ts'
import { isNodeRedis, openNodeRedis } from './node-redis.ts'
import { type Endpoint, isClient, type RedisClientLike } from './options.ts'
import { CONNECT_TIMEOUT_MS, type RawClient, retryDelay } from './raw.ts'

/** Of ioredis. Nothing is queued while there is no connection and nothing is ever sent twice: a charge must not count double. */
const settings = {
  lazyConnect: false,
  // Without it version 5 may take for ready what was closed while it was being set up, and then for ever.
  enableReadyCheck: true,
  maxLoadingRetryTime: 500,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: CONNECT_TIMEOUT_MS,
  disconnectTimeout: 100,
  commandTimeout: undefined,
  retryStrategy: retryDelay,
  reconnectOnError: null,
  enableAutoPipelining: false,
  readOnly: false,
  stringNumbers: false,
  keyPrefix: '',
  protocol: 2,
  replyMapping: 'legacy',
  role: 'master',
  sentinelRetryStrategy: retryDelay,
  sentinelCommandTimeout: 500,
}

type Constructor = new (options: object) => RawClient

/** Loaded only when a connection is opened; loaded at once, so that its absence is an error of the construction. */
const loadConstructor = (): Constructor => {
  try {
    return (createRequire(import.meta.url)('ioredis') as { Redis: Constructor }).Redis
  } catch (cause) {
    throw new RedisLinkError('ERR_REDIS_OPTIONS', 'the package ioredis is not installed: npm i ioredis', { cause })
  }
}

/** Opens a connection of our own: to an endpoint, or to where a client leads and with its credentials, by the class of that client. */
export const connect = (
  target: Endpoint | RedisClientLike,
  connectionName: string,
  commandTimeoutMs: number,
): RawClient => {
  const own = { ...settings, connectionName }
  if (!isClient(target)) {
    const { tls, ...endpoint } = target
    return new (loadConstructor())({ ...endpoint, ...own, ...(tls ? { tls: {} } : {}) })
  }
  if (isNodeRedis(target)) return openNodeRedis(target, connectionName)
  const { call, isCluster, duplicate } = target as { [name: string]: unknown } & RedisClientLike
  if (typeof call !== 'function') {
    throw new RedisLinkError('ERR_REDIS_OPTIONS', 'client must be a client of ioredis, or of redis 4 to 6')
  }
  if (isCluster === true) return openCluster(target, own, commandTimeoutMs)
  return (duplicate as (options: object) => RawClient).call(target, own)
}

/** Opens a connection for a subscription: in a Cluster to any node, for every node hears all that is published. None when no node is known. */
export const connectSubscriber = (
  target: Endpoint | RedisClientLike,
  client: RawClient,
  connectionName: string,
): RawClient | undefined => {
  const nodes = client.nodes?.('all')
  if (nodes === undefined) return connect(target, connectionName, 0)
  return nodes[Math.floor(Math.random() * nodes.length)]?.duplicate({ ...settings, connectionName })
}
