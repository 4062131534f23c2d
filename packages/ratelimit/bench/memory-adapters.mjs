// The limiters in memory, each as its users call it, without the middleware around it. `check` answers something true when allowed; a promise may reject instead.
import LocalStore from '@fastify/rate-limit/store/LocalStore.js'
import { createRateLimiter } from '@portcullis/ratelimit'
import { MemoryStore as ExpressStore } from 'express-rate-limit'
import { MemoryStore as HonoStore } from 'hono-rate-limiter'
import { RateLimiterMemory } from 'rate-limiter-flexible'

const windowMs = 600_000

const portcullis =
  (algorithm) =>
  ({ limit, maxKeys }) => {
    const limiter = createRateLimiter({ limits: [{ name: 'l', algorithm, limit, windowMs }], maxKeys })
    return { check: (key) => limiter.check(key).allowed }
  }

export const adapters = {
  gcra: portcullis('gcra'),
  window: portcullis('window'),
  rlf({ limit }) {
    const limiter = new RateLimiterMemory({ points: limit, duration: windowMs / 1000 })
    return { isAsync: true, check: (key) => limiter.consume(key) }
  },
  express({ limit }) {
    const store = new ExpressStore()
    store.init({ windowMs })
    return { isAsync: true, check: async (key) => (await store.increment(key)).totalHits <= limit }
  },
  hono({ limit }) {
    const store = new HonoStore()
    store.init({ windowMs })
    return { check: (key) => store.increment(key).totalHits <= limit }
  },
  fastify({ limit, maxKeys }) {
    const store = new LocalStore(false, false, maxKeys)
    let hits = 0
    const answer = (_error, result) => void (hits = result.current)
    return {
      check(key) {
        store.incr(key, answer, windowMs, limit)
        return hits <= limit
      },
    }
  },
}

/** Checks keys until `untilMs` by the wall clock or `most` of them; answers how many. */
export const loopOver = ({ isAsync, check }, keyAt, untilMs, most = Number.POSITIVE_INFINITY) => {
  let done = 0
  const more = () => done < most && performance.now() < untilMs
  const next = () => Math.min(done + 2000, most)
  if (!isAsync) {
    while (more()) for (const end = next(); done < end; done++) check(keyAt(done))
    return done
  }
  return (async () => {
    while (more()) {
      for (const end = next(); done < end; done++) {
        try {
          await check(keyAt(done))
        } catch {
          // How rate-limiter-flexible refuses.
        }
      }
    }
    return done
  })()
}
