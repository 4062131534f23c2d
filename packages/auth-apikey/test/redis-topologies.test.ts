import { randomBytes, randomUUID } from 'node:crypto'
import {
  type RedisCluster,
  type RedisSentinel,
  startRedisCluster,
  startRedisSentinel,
} from '@portcullis-internal/testing'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ApiKeys, createApiKeys } from '../src/index.ts'
import { redisStore } from '../src/redis.ts'
import { isLong } from './acknowledged.ts'

const integrityKey = randomBytes(32)
const WITHIN_MS = 1000
const ends: (() => unknown)[] = []
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** As one process of several has it, with the defaults for staleness. */
const open = (client: Redis | Cluster, namespace: string): ApiKeys => {
  client.on('error', () => {})
  const store = redisStore({ client, commandTimeoutMs: 1000 }, { namespace, integrityKey })
  ends.push(
    () => store.close(),
    () => client.disconnect(),
  )
  return createApiKeys({ store, lastUseIntervalMs: false })
}
const outcome = async (keys: ApiKeys, key: string): Promise<string> => {
  try {
    const result = await keys.verify(key)
    return result.ok ? 'ok' : result.reason
  } catch (error) {
    expect(error).toMatchObject({ name: 'ApiKeyError', fault: 'unavailable' })
    return (error as { code: string }).code
  }
}
/** Until the store answers again: what could not be decided is asked again. */
const insist = <T>(attempt: () => Promise<T>): Promise<T> => vi.waitFor(attempt, { timeout: 30_000, interval: 50 })

/** Uses keys as fast as it can in another process's place, and notes when a use of each that was accepted began last. */
const use = (keys: ApiKeys, texts: readonly string[]) => {
  const lastOkMs = new Map<string, number>()
  const outcomes = new Set<string>()
  let going = true
  const done = (async () => {
    while (going) {
      for (const text of texts) {
        const began = Date.now()
        const seen = await outcome(keys, text)
        outcomes.add(seen)
        if (seen === 'ok') lastOkMs.set(text, began)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  return {
    lastOkMs,
    outcomes,
    end: async () => {
      going = false
      await done
    },
  }
}

/** Revokes one key after another until told to stop: which, and when that was promised. */
const revokeOneByOne = async (admin: ApiKeys, count: number) => {
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push((await admin.create({ name: `one of many ${i}`, grants: [] })).record.id)
  const promisedMs = new Map<string, number>()
  let going = true
  const done = (async () => {
    for (const id of ids) {
      if (!going) return
      await admin.revoke(id).then(
        () => promisedMs.set(id, Date.now()),
        () => {},
      )
      await sleep(2)
    }
  })()
  return {
    end: async () => {
      going = false
      await done
      return promisedMs
    },
  }
}

/** Everything that is done to keys, before, during and after the master is gone. `fail` takes it away and resolves when another has taken over. */
const throughFailover = async (admin: ApiKeys, user: ApiKeys, fail: () => Promise<void>) => {
  const made = await Promise.all(
    ['early', 'late', 'rotated', 'kept'].map((name) => admin.create({ name, grants: ['admin:delegate', 'get_*'] })),
  )
  const [early, late, rotated, kept] = made as [(typeof made)[0], (typeof made)[0], (typeof made)[0], (typeof made)[0]]
  const child = await admin.issueChild({ idOrName: 'kept' }, { name: 'child', grants: ['get_*'] })
  const texts = [early.key, late.key, rotated.key, kept.key, child.key]
  for (const text of texts) await insist(async () => expect(await outcome(user, text)).toBe('ok'))
  const running = use(user, texts)
  // While its master lives: by the bound.
  await admin.revoke('early')
  const revokedMs = Date.now()
  const next = await admin.rotate('rotated', { overlapMs: 0 })
  const rotatedMs = Date.now()
  await sleep(WITHIN_MS + 300)
  expect((running.lastOkMs.get(early.key) ?? 0) - revokedMs).toBeLessThanOrEqual(WITHIN_MS)
  expect((running.lastOkMs.get(rotated.key) ?? 0) - rotatedMs).toBeLessThanOrEqual(WITHIN_MS)
  const many = await revokeOneByOne(admin, isLong ? 500 : 150)
  await sleep(300)
  const failedMs = Date.now()
  await fail()
  const promisedMs = await many.end()
  await insist(async () => expect(await outcome(user, kept.key)).toBe('ok'))
  // What was promised more than a second before stands at the next master.
  expect(await insist(() => admin.get('early'))).toMatchObject({ status: 'revoked' })
  expect(await insist(() => admin.get('rotated'))).toMatchObject({ id: next.record.id })
  await insist(async () => expect(await outcome(user, next.key)).toBe('ok'))
  await insist(async () => expect(await outcome(user, child.key)).toBe('ok'))
  // Of what was promised in the last moments Redis itself may lose some: it does not wait for its replicas.
  const lostMs: number[] = []
  for (const [id, ms] of promisedMs) {
    const stands = await insist(() => admin.get(id))
    if (stands?.status !== 'revoked') lostMs.push(failedMs - ms)
  }
  expect(promisedMs.size).toBeGreaterThan(0)
  expect(lostMs.filter((ms) => ms > WITHIN_MS)).toEqual([])
  if (isLong)
    console.log(`lost with the master: ${lostMs.length} of ${promisedMs.size}, ms before its end: ${lostMs.join()}`)
  // And the next master takes changes, by the bound again.
  await insist(() => admin.revoke('late'))
  const lateMs = Date.now()
  const born = await insist(() => admin.create({ name: `born ${randomUUID()}`, grants: [] }))
  await insist(async () => expect(await outcome(user, born.key)).toBe('ok'))
  await insist(() => admin.revoke('kept'))
  const keptMs = Date.now()
  await sleep(WITHIN_MS + 300)
  await running.end()
  expect((running.lastOkMs.get(late.key) ?? 0) - lateMs).toBeLessThanOrEqual(WITHIN_MS)
  expect((running.lastOkMs.get(child.key) ?? 0) - keptMs).toBeLessThanOrEqual(WITHIN_MS)
  for (const [text, expected] of [
    [early.key, 'revoked'],
    [late.key, 'revoked'],
    [rotated.key, 'rotated'],
    [kept.key, 'revoked'],
    [child.key, 'parent'],
  ] as const) {
    expect(await insist(async () => outcome(user, text))).toBe(expected)
  }
  return running.outcomes
}

let cluster: RedisCluster
let system: RedisSentinel
beforeAll(async () => {
  ;[cluster, system] = await Promise.all([
    startRedisCluster({ replicas: 1, nodeTimeoutMs: 1000 }),
    startRedisSentinel(),
  ])
}, 90_000)
afterAll(async () => {
  for (const end of ends) await end()
  await Promise.all([cluster.stop(), system.stop()])
})

/** A slot that moves from master to master while keys are used and changed. */
const throughMove = async (admin: ApiKeys, user: ApiKeys, slot: number) => {
  const { key } = await insist(() => admin.create({ name: 'ci', grants: ['get_*'] }))
  await insist(async () => expect(await outcome(user, key)).toBe('ok'))
  const running = use(user, [key])
  const owner = await cluster.ownerOf(slot)
  const moving = cluster.moveSlot(slot, (owner + 1) % 3)
  let last = await insist(() => admin.rotate('ci', { overlapMs: 60_000 }))
  await moving
  for (let i = 0; i < 5; i++) last = await insist(() => admin.rotate('ci', { overlapMs: 60_000 }))
  expect(await insist(async () => outcome(user, last.key))).toBe('ok')
  await insist(() => admin.revoke('ci'))
  const revokedMs = Date.now()
  await sleep(WITHIN_MS + 300)
  await running.end()
  expect((running.lastOkMs.get(key) ?? 0) - revokedMs).toBeLessThanOrEqual(WITHIN_MS)
  expect([await outcome(user, key), await outcome(user, last.key)]).toEqual(['revoked', 'revoked'])
}

// Side by side, since most of it is waiting for nodes to notice.
describe.concurrent('nothing promised is lost, and nothing revoked is accepted', { timeout: 120_000 }, () => {
  test('in a Cluster whose slot moves, and whose master is killed then', async () => {
    const namespace = randomUUID()
    const client = () => new Cluster(cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
    const [admin, user] = [open(client(), namespace), open(client(), namespace)]
    const slot = cluster.slotOf(`{${namespace}:api-keys}:records`)
    await throughMove(admin, user, slot)
    const outcomes = await throughFailover(admin, user, async () => {
      const owner = await cluster.ownerOf(slot)
      await cluster.nodes[owner]?.kill()
      await insist(async () => expect(await cluster.ownerOf(slot)).not.toBe(owner))
    })
    expect(outcomes).toContain('ERR_APIKEY_STORE')
  })

  test('with sentinels whose master is killed', async () => {
    const namespace = randomUUID()
    const client = () => new Redis({ sentinels: [...system.sentinels], name: system.name })
    const [admin, user] = [open(client(), namespace), open(client(), namespace)]
    const outcomes = await throughFailover(admin, user, async () => {
      const first = await system.master()
      await first.kill()
      await insist(async () => expect((await system.master()).port).not.toBe(first.port))
    })
    expect(outcomes).toContain('ERR_APIKEY_STORE')
  })
})
