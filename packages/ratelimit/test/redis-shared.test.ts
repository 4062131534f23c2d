import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Limit } from '../src/index.ts'
import { createRedisRateLimiter, type RedisRateLimiter, type RedisRateLimiterOptions } from '../src/redis.ts'
import { concurrency, gcra, limit } from './conformance.ts'
import { useRedis } from './redis-server.ts'

const LONG = process.env['PORTCULLIS_LONG'] === '1'
const redis = useRedis()
const ends: (() => unknown)[] = []
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()))
})

const create = (limits: Limit[], options: Partial<RedisRateLimiterOptions> = {}): RedisRateLimiter => {
  const limiter = createRedisRateLimiter({
    url: redis.server.url,
    limits,
    namespace: randomUUID(),
    commandTimeoutMs: 5000,
    onStoreFailure: 'closed',
    cacheRefusalsMs: 0,
    ...options,
  })
  ends.push(() => limiter.close())
  return limiter
}

/** A process of its own, which checks one key over and over and tells how often it was allowed. */
const another = (url: string, namespace: string, limits: Limit[], checks: number): ChildProcess => {
  const code = `import { createRedisRateLimiter } from ${JSON.stringify(new URL('../dist/redis.js', import.meta.url).href)}
const limiter = createRedisRateLimiter(${JSON.stringify({ url, namespace, limits, commandTimeoutMs: 5000, onStoreFailure: 'closed' })})
await limiter.ready
let allowed = 0
for (let i = 0; i < ${checks}; i += 25) {
  const results = await Promise.all(Array.from({ length: 25 }, () => limiter.check('k')))
  allowed += results.filter((one) => one.allowed).length
}
console.log(allowed)
await limiter.close()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  ends.push(() => child.kill('SIGKILL'))
  return child
}
const outputOf = async (child: ChildProcess): Promise<string> => {
  let text = ''
  child.stdout?.on('data', (chunk) => (text += String(chunk)))
  await once(child, 'close')
  return text
}

describe('eight processes on one limit', () => {
  it.each([
    ['a window that is exact', [limit('m', 100, 3_600_000)], 100],
    ['a window of buckets', [limit('m', 1000, 3_600_000)], 1000],
    ['a rate whose burst is the limit', [gcra('m', 300, 366 * 86_400_000)], 300],
    ['leases that are never released', [concurrency('m', 50, 3_600_000)], 50],
    ['the least of several', [limit('a', 200, 3_600_000), gcra('b', 90, 366 * 86_400_000)], 90],
  ])(
    '%s: exactly N',
    async (_name, limits, units) => {
      const namespace = randomUUID()
      const children = Array.from({ length: 8 }, () => another(redis.server.url, namespace, limits as Limit[], 400))
      const outputs = await Promise.all(children.map(outputOf))
      expect(outputs.map(Number).reduce((sum, one) => sum + one, 0)).toBe(units)
    },
    60_000,
  )
})

/** Passes bytes on to Redis until it is told to break everything, in the middle of whatever is under way. */
const startBreaker = async (): Promise<{ url: string; sockets(): number; breakAll(): void }> => {
  const pairs = new Set<[Socket, Socket]>()
  const server: Server = createServer((near) => {
    const far = createConnection(redis.server.port, '127.0.0.1')
    const pair: [Socket, Socket] = [near, far]
    pairs.add(pair)
    for (const [from, to] of [pair, [far, near]] as [Socket, Socket][]) {
      from.pipe(to)
      from.on('error', () => {})
      from.on('close', () => {
        to.destroy()
        pairs.delete(pair)
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => server.close())
  const { port } = server.address() as { port: number }
  return {
    url: `redis://127.0.0.1:${port}`,
    sockets: () => pairs.size,
    breakAll: () => {
      for (const [near, far] of pairs) {
        near.destroy()
        far.destroy()
      }
    },
  }
}

it(
  'connections that break with checks in flight: nothing is counted twice, and nothing that was answered is lost',
  async () => {
    const rounds = LONG ? 1000 : 40
    const breaker = await startBreaker()
    const namespace = randomUUID()
    const limits = [limit('m', 1_000_000, 3_600_000), gcra('g', 1_000_000, 366 * 86_400_000)]
    const limiter = create(limits, { url: breaker.url, namespace })
    const direct = create(limits, { namespace })
    let sent = 0
    let answered = 0
    let failed = 0
    for (let round = 0; round < rounds; round++) {
      while (limiter.degraded) await new Promise((resolve) => setTimeout(resolve, 5))
      const checks = Promise.allSettled(Array.from({ length: 20 }, (_, i) => limiter.check(`k${i % 3}`)))
      sent += 20
      // Sometimes before the bytes leave, sometimes before the answer comes, sometimes after.
      for (let turn = 0; turn < round % 8; turn++) await new Promise((resolve) => setImmediate(resolve))
      breaker.breakAll()
      for (const one of await checks) {
        if (one.status === 'fulfilled') answered++
        else failed++
      }
    }
    const left = await Promise.all(
      ['k0', 'k1', 'k2'].flatMap((key) => ['m', 'g'].map((name) => direct.peek(key, { limits: [name], cost: 0 }))),
    )
    for (const name of ['m', 'g']) {
      const counted = left
        .filter(({ policy }) => policy === name)
        .reduce((sum, one) => sum + 1_000_000 - one.remaining, 0)
      expect(counted).toBeGreaterThanOrEqual(answered)
      expect(counted).toBeLessThanOrEqual(sent)
    }
    expect(answered + failed).toBe(sent)
    expect(failed).toBeGreaterThan(0)
    expect(answered).toBeGreaterThan(0)
  },
  LONG ? 900_000 : 60_000,
)

it(
  'interleaved checks of several limits charge exactly what was allowed',
  async () => {
    const rounds = LONG ? 2000 : 40
    const limits: Limit[] = [
      limit('few', 37, 3_600_000),
      limit('many', 400, 3_600_000),
      gcra('rate', 250, 366 * 86_400_000),
      concurrency('at once', 60, 3_600_000),
    ]
    const names = limits.map(({ name }) => name)
    for (let round = 0; round < rounds; round++) {
      const namespace = randomUUID()
      const limiters = [create(limits, { namespace }), create(limits, { namespace })] as const
      const spent = new Map(names.map((name) => [name, 0]))
      const checks = Array.from({ length: 50 }, async (_, i) => {
        const chosen = names.filter((_name, n) => ((i * 7 + round) >> n) % 2 === 1)
        const cost = (i * 13 + round) % 9
        if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
        const { allowed } = await (limiters[i % 2] as RedisRateLimiter).check('k', { cost, limits: chosen })
        if (allowed) for (const name of chosen) spent.set(name, (spent.get(name) as number) + cost)
      })
      await Promise.all(checks)
      for (const { name, limit: units } of limits) {
        const { remaining } = await limiters[0].peek('k', { cost: 0, limits: [name] })
        expect([name, remaining]).toEqual([name, units - (spent.get(name) as number)])
        expect(remaining).toBeGreaterThanOrEqual(0)
      }
      await Promise.all(ends.splice(0).map((end) => end()))
    }
  },
  LONG ? 900_000 : 60_000,
)
