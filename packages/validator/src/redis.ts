/**
 * Blocks and bans that many processes share, on `ioredis` or `redis` (optional peers of the package).
 * @module
 */
export {
  createRedisAddressGuard,
  type RedisAddressGuardOptions,
  type RedisClientLike,
} from './addresses/redis-guard.ts'
export type { AddressDecision, BanOptions, GuardedEntry, RedisAddressGuard, StrikeOutcome } from './addresses/types.ts'
export { ValidatorError, type ValidatorErrorCode } from './errors.ts'
