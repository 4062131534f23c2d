export { OAuth2Error, type OAuth2ErrorCode } from './errors.ts'
export {
  type RedisClientLike,
  type RedisReplayConnection,
  type RedisReplayStore,
  redisReplayStore,
} from './proof/redis-replay.ts'
