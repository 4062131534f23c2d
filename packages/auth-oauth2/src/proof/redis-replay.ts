import { isClient, openRedis, type RedisClientLike, RedisLinkError } from '@portcullis-internal/redis'
import { invalid, refuseUnknown } from '../checks.ts'
import { unavailable } from '../errors.ts'
import type { ReplayStore } from './replay.ts'

export type { RedisClientLike }

export interface RedisReplayConnection {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. Either this or `client`. */
  readonly url?: string
  readonly client?: RedisClientLike
  /** How long Redis may take, 1 to 60,000 ms. Default 100. */
  readonly commandTimeoutMs?: number
  /** Allows `redis://` to hosts beyond loopback: whoever is on the way can then use a proof twice. */
  readonly dangerouslyAllowPlaintextRedis?: boolean
}

export interface RedisReplayStore extends ReplayStore {
  /** Ends the connection; later claims are refused as unavailable. */
  close(): Promise<void>
}

const FIELDS = ['url', 'client', 'commandTimeoutMs', 'dangerouslyAllowPlaintextRedis']
const PROBLEM_RETRY_MS = 1000

/**
 * Remembers used proofs in Redis 6 or later, or Valkey, for all processes: one command a proof. Where Redis cannot tell, the request is refused
 * (`ERR_OAUTH2_UNAVAILABLE`). `namespace`: what all keys begin with, 1 to 64 of `[A-Za-z0-9:_.-]`, default `portcullis`.
 * @throws OAuth2Error `ERR_OAUTH2_OPTIONS`, also for plain text to a host beyond loopback and without ioredis
 */
export const redisReplayStore = (
  connection: RedisClientLike | RedisReplayConnection,
  options: { readonly namespace?: string; readonly clock?: () => number } = {},
): RedisReplayStore => {
  const given: RedisReplayConnection = isClient(connection)
    ? { client: connection }
    : (connection as RedisReplayConnection)
  refuseUnknown('redisReplayStore', given, FIELDS)
  refuseUnknown('redisReplayStore options', options, ['namespace', 'clock'])
  const { namespace = 'portcullis', clock = Date.now } = options
  if (typeof namespace !== 'string' || !/^[A-Za-z0-9:_.-]{1,64}$/.test(namespace)) {
    throw invalid('namespace must be 1 to 64 of [A-Za-z0-9:_.-]')
  }
  const link = open(given)
  return {
    async claim({ id, expiresAtMs }) {
      const ttlMs = Math.max(1, Math.ceil(expiresAtMs - clock()))
      try {
        return (await link.call('set', `${namespace}:dpop:${id}`, '1', 'PX', ttlMs, 'NX')) !== null
      } catch (error) {
        if (!(error instanceof RedisLinkError)) throw error
        throw unavailable('used proofs', error, error.retryAfterMs ?? PROBLEM_RETRY_MS)
      }
    },
    close: () => link.close(),
  }
}

const open = (connection: RedisReplayConnection): ReturnType<typeof openRedis> => {
  try {
    return openRedis(connection)
  } catch (cause) {
    throw cause instanceof RedisLinkError ? invalid(`redisReplayStore: ${cause.message}`, cause) : cause
  }
}
