import { describe, expect, it, vi } from 'vitest'
import { type RedisCluster, startRedisCluster } from '../../testing/src/index.ts'
import type { RedisLink } from '../src/index.ts'
import { count, increments, nodesOf, read } from './cluster-support.ts'
import { back, bound, clusters, isLong, open, outcome, pause } from './support.ts'

// Those of ioredis 5 take as long again.
describe.concurrent.each(isLong ? clusters : clusters.slice(0, 1))(
  'a Cluster by %s of which a master',
  (_name, create) => {
    const serving = async (link: RedisLink, key: string, patienceMs: number) => {
      const begun = performance.now()
      await vi.waitFor(async () => expect(await outcome(link.eval(count, [key], [1]))).toBe('ok'), {
        timeout: bound(patienceMs) + 10_000,
        interval: 20,
      })
      const tookMs = performance.now() - begun
      expect(tookMs).toBeLessThan(bound(patienceMs))
    }
    /** A key of every master. */
    const keyOfEach = async (one: RedisCluster) => {
      const keys: string[] = []
      for (let nth = 0; keys.filter(Boolean).length < 3; nth++) {
        keys[await one.ownerOf(one.slotOf(`k${nth}`))] ??= `k${nth}`
      }
      return keys
    }
    const lone = ['--cluster-require-full-coverage', 'no']

    it('is killed and comes back', { timeout: 60_000 }, async ({ onTestFinished }) => {
      const own = await startRedisCluster({ args: [...lone, '--appendonly', 'yes', '--appendfsync', 'always'] })
      onTestFinished(own.stop)
      const { link } = open(onTestFinished, { client: create(nodesOf(own)), commandTimeoutMs: 500 })
      await link.ready
      const keys = await keyOfEach(own)
      const streams = keys.map((key) => increments(link, key))
      await pause(200)
      await own.nodes[0]?.kill()
      await pause(1500)
      await own.nodes[0]?.restart()
      // It does not serve for two seconds after its start, by its own will.
      await own.settled()
      await serving(link, `{${keys[0]}}`, 3000)
      await pause(200)
      for (const [nth, stream] of streams.entries()) {
        const { sent, answered, codes, slowestMs } = await stream.end()
        const counter = await read(link, keys[nth] as string)
        expect(counter).toBeGreaterThanOrEqual(answered)
        expect(counter).toBeLessThanOrEqual(sent)
        // The others serve on, and never does anyone wait for long.
        if (nth > 0) expect(codes).toEqual(new Map())
        else expect([...codes.keys()]).not.toContain('ERR_REDIS_REPLY')
        expect(slowestMs).toBeLessThan(bound(2000))
      }
    })

    it('hangs: the others serve on, and it is soon not waited for', { timeout: 60_000 }, async ({ onTestFinished }) => {
      const own = await startRedisCluster({ args: lone, nodeTimeoutMs: 20_000 })
      onTestFinished(own.stop)
      const { link, events } = open(onTestFinished, { client: create(nodesOf(own)), commandTimeoutMs: 200 })
      await link.ready
      const keys = await keyOfEach(own)
      const calls = keys.map((key) => ({ keys: [key], args: [1] }))
      const codes = async () =>
        (await link.evalEach(count, calls)).map((one) => (one.status === 'fulfilled' ? 'ok' : one.reason.code))
      expect(await codes()).toEqual(['ok', 'ok', 'ok'])
      own.nodes[0]?.freeze()
      expect(await codes()).toEqual(['ERR_REDIS_TIMEOUT', 'ok', 'ok'])
      await vi.waitFor(async () => expect(await codes()).toEqual(['ERR_REDIS_UNAVAILABLE', 'ok', 'ok']), {
        timeout: 5000,
      })
      await pause(1500)
      expect(await codes()).toEqual([expect.stringMatching(/UNAVAILABLE|TIMEOUT/), 'ok', 'ok'])
      expect(link.state).toBe('ready')
      own.nodes[0]?.thaw()
      await serving(link, keys[0] as string, 3000)
      expect(events).toEqual([])
    })

    it.for(['is killed', 'hangs'])(
      '%s and has a replica: that one serves as soon as it is master',
      { timeout: 60_000 },
      async (how, { onTestFinished }) => {
        const own = await startRedisCluster({ replicas: 1, nodeTimeoutMs: 1000 })
        onTestFinished(own.stop)
        const { link } = open(onTestFinished, { client: create(nodesOf(own)), commandTimeoutMs: 200 })
        await link.ready
        const [key = ''] = await keyOfEach(own)
        const stream = increments(link, key)
        await pause(200)
        if (how === 'hangs') own.nodes[0]?.freeze()
        else await own.nodes[0]?.kill()
        const promoted = async () =>
          expect(
            String(await own.cli(3, 'ROLE')).startsWith('master') && (await own.cli(3, 'CLUSTER', 'INFO')),
          ).toContain('cluster_state:ok')
        await vi.waitFor(promoted, { timeout: 20_000, interval: 10 })
        await serving(link, `{${key}}`, 3000)
        const { sent, codes } = await stream.end()
        expect(await read(link, key)).toBeLessThanOrEqual(sent)
        expect([...codes.keys()]).not.toContain('ERR_REDIS_REPLY')
        // It may come back as a replica.
        if (how === 'hangs') own.nodes[0]?.thaw()
        else await own.nodes[0]?.restart()
        await pause(300)
        await serving(link, `{${key}}`, 3000)
      },
    )

    it('gives a slot to a node that nobody knew', { timeout: 60_000 }, async ({ onTestFinished }) => {
      const own = await startRedisCluster({ spares: 1 })
      onTestFinished(own.stop)
      const { link } = open(onTestFinished, { client: create(nodesOf(own)), commandTimeoutMs: 1000 })
      const keys = Array.from({ length: 10 }, (_, nth) => `{given}${nth}`)
      const calls = keys.map((key) => ({ keys: [key], args: [1] }))
      const all = async () => (await link.evalEach(count, calls)).map((one) => one.status === 'fulfilled' && one.value)
      expect(await all()).toEqual(Array(10).fill(1))
      const move = await own.beginMove(own.slotOf('{given}'), 3)
      await move.moveKeys()
      // They are told to ask where there is no connection yet, nor can be: nothing waits there for longer than its deadline.
      await own.cli(3, 'SCRIPT', 'LOAD', count.text)
      own.nodes[3]?.freeze()
      expect(await all()).toEqual(keys.map(() => false))
      own.nodes[3]?.thaw()
      await vi.waitFor(async () => expect(await outcome(link.call('get', '{given}0'))).toBe('ok'), { timeout: 5000 })
      expect(await all()).toEqual(keys.map(() => 2))
      await move.finish()
      expect(await all()).toEqual(keys.map(() => 3))
    })

    it('hangs with all the others: down, and back with them', { timeout: 60_000 }, async ({ onTestFinished }) => {
      const own = await startRedisCluster({ nodeTimeoutMs: 30_000 })
      onTestFinished(own.stop)
      const { link } = open(onTestFinished, { client: create(nodesOf(own)), commandTimeoutMs: 50 })
      await link.ready
      for (const node of own.nodes) node.freeze()
      await vi.waitFor(
        async () => {
          await outcome(link.call('get', 'x'))
          expect(link.state).toBe('down')
        },
        { timeout: 5000 },
      )
      await pause(1200)
      for (const node of own.nodes) node.thaw()
      await back(link)
      await serving(link, 'x', 3000)
    })
  },
)
