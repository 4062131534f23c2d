// What is measured, and the goals that stand beside it. Each cell runs every adapter of its kind in a process of its own.
const memory = ['gcra', 'window', 'rlf', 'express', 'hono', 'fastify']
const redis = ['gcra', 'window', 'rlf', 'rate-limit-redis', 'fastify']
const PEER = 'best peer'
const RLF = 'rate-limiter-flexible'

/** A goal compares a figure of ours with that of the best peer, of rate-limiter-flexible, or with a bare number. */
const most = (factor, metric, than, ours = 'gcra') => ({ ours, metric, than, factor, atMost: true })
const least = (factor, metric, than, ours = 'gcra') => ({ ours, metric, than, factor, atMost: false })

const inMemory = (name, title, params, goals) => ({
  name,
  title: `In memory: ${title}`,
  child: 'memory-child.mjs',
  adapters: memory,
  params,
  goals,
})
const overRedis = (name, title, params, goals, adapters = redis) => ({
  name,
  title: `Redis: ${title}`,
  child: 'redis-child.mjs',
  adapters,
  params: { keys: 10_000, limit: 1_000_000, ...params },
  goals,
})

export const cells = [
  inMemory('hot-allow', 'one key, allowed', { keys: 1, limit: 2_000_000_000 }, [most(0.2, 'cpuNs', RLF)]),
  inMemory('hot-refused', 'one key, refused', { keys: 1, limit: 1 }, [most(0.06, 'cpuNs', RLF)]),
  inMemory('1k-allow', '1,000 keys, allowed', { keys: 1000, limit: 2_000_000_000 }, []),
  inMemory('1m-allow', '1,000,000 keys, allowed', { keys: 1_000_000, limit: 100 }, [
    most(0.5, 'cpuNs', PEER),
    most(40, 'bytesPerKey'),
  ]),
  inMemory('1m-refused', '1,000,000 keys, refused', { keys: 1_000_000, limit: 1 }, [most(0.5, 'cpuNs', PEER)]),
  {
    name: 'distinct',
    title: 'In memory: ever new keys (ours and fastify’s hold 1,000,000 at most)',
    child: 'distinct-child.mjs',
    adapters: memory,
    params: { keys: 10_000_000, quickKeys: 2_000_000, maxKeys: 1_000_000, limit: 100, once: true },
    goals: [most(1, 'growthMb')],
  },
  overRedis('redis-1', '1 in flight, 10,000 keys', { inFlight: 1 }, [most(1.1, 'p50', PEER)]),
  overRedis('redis-64', '64 in flight, 10,000 keys', { inFlight: 64, auto: true }, [
    least(1.7, 'rate', PEER),
    least(2.3, 'rate', RLF),
    most(0.5, 'clientUs', PEER),
  ]),
  overRedis('redis-256', '256 in flight, 10,000 keys', { inFlight: 256, auto: true }, [
    least(1.5, 'rate', PEER),
    least(2, 'rate', RLF),
    most(0.5, 'clientUs', PEER),
  ]),
  overRedis(
    'redis-three',
    'three limits at once, 64 in flight, 10,000 keys',
    { inFlight: 64, auto: true, limits: 3 },
    [least(3, 'rate', RLF)],
    ['gcra', 'window', 'rlf'],
  ),
  overRedis(
    'redis-flood',
    '1,000 keys that are refused, 64 in flight',
    { inFlight: 64, keys: 1000, limit: 5, block: true },
    [least(5, 'rate', RLF)],
  ),
]

/** How figures are shown, in this order. `up`: more is better. */
export const metrics = {
  cpuNs: { title: 'CPU ns a check', digits: 0 },
  mops: { title: 'M checks/s', digits: 2, up: true },
  bytesPerKey: { title: 'bytes a key', digits: 0 },
  rate: { title: 'checks/s', digits: 0, up: true },
  clientUs: { title: 'client CPU µs a check', digits: 1 },
  redisUs: { title: 'Redis CPU µs a check', digits: 1 },
  p50: { title: 'p50 ms', digits: 3 },
  p99: { title: 'p99 ms', digits: 3 },
  rssStart: { title: 'RSS MB at first', digits: 0 },
  rssTenth: { title: 'after a tenth of the keys', digits: 0 },
  rssHalf: { title: 'after half', digits: 0 },
  rssEnd: { title: 'at the end', digits: 0 },
  growthMb: { title: 'growth MB over the second half', digits: 1 },
}

export const titles = {
  gcra: 'Portcullis `gcra`',
  window: 'Portcullis `window`',
  rlf: 'rate-limiter-flexible',
  express: 'express-rate-limit MemoryStore',
  hono: 'hono-rate-limiter MemoryStore',
  fastify: '@fastify/rate-limit',
  'rate-limit-redis': 'rate-limit-redis',
}
export const ours = ['gcra', 'window']
