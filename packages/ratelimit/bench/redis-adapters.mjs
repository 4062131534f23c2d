// The limiters over Redis, each as its users call it, on connections with the same settings. `check` may reject to refuse.
import RedisStore from '@fastify/rate-limit/store/RedisStore.js'
import { createRedisRateLimiter } from '@portcullis/ratelimit/redis'
import { Redis } from 'ioredis'
import { RateLimiterRedis, RateLimiterUnion } from 'rate-limiter-flexible'
import { RedisStore as ExpressRedisStore } from 'rate-limit-redis'

const windowMs = 600_000

const connect = async (url, auto) => {
  const client = new Redis(url, { enableAutoPipelining: auto, lazyConnect: true })
  await client.connect()
  return client
}

/** Nobody is timed out here: an outage of a slow moment would count as speed. */
const portcullis =
  (algorithm) =>
  async ({ url, limit, limits }) => {
    const limiter = createRedisRateLimiter({
      url,
      commandTimeoutMs: 10_000,
      limits: Array.from({ length: limits }, (_, i) => ({
        name: `l${i}`,
        algorithm,
        limit: limit + i,
        windowMs: windowMs + i,
      })),
    })
    await limiter.ready
    return {
      check: (key) => limiter.check(key),
      problem: () => (limiter.stats?.().degraded > 0 ? 'decided without Redis' : undefined),
    }
  }

export const adapters = {
  gcra: portcullis('gcra'),
  window: portcullis('window'),
  async rlf({ url, auto, limit, limits, block }) {
    const storeClient = await connect(url, auto)
    const one = (i) =>
      new RateLimiterRedis({
        storeClient,
        keyPrefix: `rlf${i}`,
        points: limit + i,
        duration: windowMs / 1000,
        ...(block ? { inMemoryBlockOnConsumed: limit + i } : {}),
      })
    const all = Array.from({ length: limits }, (_, i) => one(i))
    const limiter = limits === 1 ? all[0] : new RateLimiterUnion(...all)
    return { check: (key) => limiter.consume(key) }
  },
  async 'rate-limit-redis'({ url, auto, limit }) {
    const client = await connect(url, auto)
    const store = new ExpressRedisStore({ sendCommand: (...args) => client.call(...args) })
    store.init({ windowMs })
    return { check: async (key) => (await store.increment(key)).totalHits <= limit }
  },
  async fastify({ url, auto, limit }) {
    const store = new RedisStore(false, false, await connect(url, auto))
    const incr = (key) =>
      new Promise((resolve, reject) =>
        store.incr(key, (error, result) => (error ? reject(error) : resolve(result)), windowMs, limit),
      )
    return { check: async (key) => (await incr(key)).current <= limit }
  },
}
