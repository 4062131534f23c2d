import { describe, expect, it, vi } from 'vitest'
import { type RedisSentinel, type RedisServer, startRedisSentinel } from '../../testing/src/index.ts'
import { defineScript, type RedisLink } from '../src/index.ts'
import { back, bound, open, outcome, pause, sentinelClients } from './support.ts'

const mark = defineScript("return redis.call('HINCRBY', KEYS[1], ARGV[1], 1)")

/** Marks one name after the other, each once. */
const marking = (link: RedisLink) => {
  const seen = { sent: 0, answered: 0, twice: 0, codes: new Set<string>(), slowestMs: 0 }
  let going = true
  const one = async () => {
    const name = seen.sent++
    const begun = performance.now()
    await link.eval(mark, ['marks'], [name]).then(
      (times) => {
        seen.answered++
        if (times !== 1) seen.twice++
      },
      (error: { code: string }) => seen.codes.add(error.code),
    )
    seen.slowestMs = Math.max(seen.slowestMs, performance.now() - begun)
  }
  const run = async () => {
    while (going) await Promise.all([one(), one(), one(), one(), pause(2)])
  }
  const done = run()
  return {
    seen,
    end: async () => {
      going = false
      await done
      return seen
    },
  }
}

const failover = async (system: RedisSentinel, from: number) => {
  await vi.waitFor(
    async () => {
      const master = await system.master()
      expect(master.port).not.toBe(from)
      expect(String(await master.cli('ROLE'))).toMatch(/^master/)
    },
    { timeout: 20_000, interval: 10 },
  )
  return performance.now()
}

/** Sentinels make a replica of it sooner or later, on a busy machine much later: so we do. */
const demoted = async (old: RedisServer, master: RedisServer) => {
  await old.cli('REPLICAOF', '127.0.0.1', master.port)
  await vi.waitFor(async () => expect(String(await old.cli('ROLE'))).toMatch(/^slave/), { timeout: 40_000 })
}

describe.concurrent.each(sentinelClients)('sentinels by %s', (_name, create) => {
  it.for(['is killed', 'hangs'])(
    'lead to the next master when the first %s',
    { timeout: 90_000 },
    async (how, { onTestFinished }) => {
      const system = await startRedisSentinel()
      onTestFinished(system.stop)
      const { link } = open(onTestFinished, {
        client: create({ sentinels: [...system.sentinels], name: system.name }),
        commandTimeoutMs: 300,
      })
      await link.ready
      const first = await system.master()
      const load = marking(link)
      await pause(200)
      if (how === 'hangs') first.freeze()
      else await first.kill()
      const overAtMs = await failover(system, first.port)
      await vi.waitFor(() => expect(link.state).toBe('ready'), { timeout: 20_000, interval: 5 })
      const next = await system.master()
      await vi.waitFor(async () => expect(await outcome(link.eval(mark, ['next'], ['x']))).toBe('ok'), {
        timeout: 20_000,
        interval: 5,
      })
      const tookMs = performance.now() - overAtMs
      expect(tookMs).toBeLessThan(bound(3000))
      expect(Number(await next.cli('HLEN', 'next'))).toBe(1)

      // The old one comes back, is made a replica, and does no harm.
      if (how === 'hangs') first.thaw()
      else await first.restart()
      await demoted(first, next)
      await pause(300)
      await back(link)
      expect(await outcome(link.eval(mark, ['next'], ['y']))).toBe('ok')
      const { sent, answered, twice, codes, slowestMs } = await load.end()
      const [ran, most] = (await (
        await system.master()
      ).cli(
        'EVAL',
        `local n, most = 0, 0
         for _, c in ipairs(redis.call('HVALS', KEYS[1])) do n = n + 1; most = math.max(most, tonumber(c)) end
         return { n, most }`,
        1,
        'marks',
      )) as [number, number]
      expect([most, twice]).toEqual([1, 0])
      expect(ran).toBeLessThanOrEqual(sent)
      expect(answered).toBeGreaterThan(0)
      expect([...codes]).not.toContain('ERR_REDIS_REPLY')
      expect(slowestMs).toBeLessThan(bound(2000))
    },
  )

  it('of which one hangs, another is asked', { timeout: 60_000 }, async ({ onTestFinished }) => {
    const system = await startRedisSentinel()
    onTestFinished(system.stop)
    system.freezeSentinel(0)
    // Who reads from replicas gets a link to the master all the same.
    const client = create({ sentinels: [...system.sentinels], name: system.name, role: 'slave' })
    const { link } = open(onTestFinished, { client })
    const begun = performance.now()
    await vi.waitFor(async () => expect(await outcome(link.call('ping'))).toBe('ok'), { timeout: 10_000, interval: 5 })
    expect(performance.now() - begun).toBeLessThan(bound(3000))
    expect(await link.eval(mark, ['m'], [1])).toBe(1)
    // And all of them for a while: nothing is lost for ever.
    for (const nth of [1, 2]) system.freezeSentinel(nth)
    await (await system.servers[0])?.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    await vi.waitFor(() => expect(link.state).toBe('down'))
    await pause(1000)
    for (const nth of [0, 1, 2]) system.thawSentinel(nth)
    const thawedAtMs = performance.now()
    await back(link)
    expect(performance.now() - thawedAtMs).toBeLessThan(bound(3000))
  })

  it('that answer nobody are asked again and again', async ({ onTestFinished }) => {
    const { link, events } = open(onTestFinished, {
      client: create({ sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'x' }),
    })
    expect(await outcome(link.call('ping'))).toMatch(/UNAVAILABLE|TIMEOUT/)
    expect(link.state).not.toBe('ready')
    expect(JSON.stringify(events)).not.toContain('up')
  })
})

describe('a link to what was the master', () => {
  it('is refused by the replica it is now: unavailable, and no mistake of the script', { timeout: 60_000 }, async ({
    onTestFinished,
  }) => {
    const system = await startRedisSentinel()
    onTestFinished(system.stop)
    const old = await system.master()
    const { link } = open(onTestFinished, { url: old.url })
    expect(await link.eval(mark, ['m'], [1])).toBe(1)
    await old.kill()
    await failover(system, old.port)
    await old.restart()
    await demoted(old, await system.master())
    for (let i = 0; i < 10; i++) {
      await back(link)
      expect(await outcome(link.eval(mark, ['m'], [2]))).toBe('ERR_REDIS_UNAVAILABLE')
      expect(await outcome(link.call('set', 'm2', 1))).toBe('ERR_REDIS_UNAVAILABLE')
    }
  })
})
