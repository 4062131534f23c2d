export { ApiKeyError, type ApiKeyErrorCode } from './errors.ts'
export type {
  RedisClientLike,
  RedisConnectionOptions,
  RedisStoreEvent,
  RedisStoreOptions,
} from './redis-options.ts'
export { type RedisKeyStore, redisStore } from './redis-store.ts'
