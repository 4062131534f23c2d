import { randomBytes, randomUUID } from 'node:crypto'
import { type RedisServer, startRedis } from '@portcullis-internal/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ApiKeyError, type ApiKeyRecord, type ApiKeys, createApiKeys } from '../src/index.ts'
import { redisStore } from '../src/redis.ts'
import { isLong } from './acknowledged.ts'

let server: RedisServer
const ends: (() => unknown)[] = []
beforeAll(async () => {
  server = await startRedis()
})
afterAll(async () => {
  for (const end of ends) await end()
  await server.stop()
})

const open = (namespace: string, integrityKey: Uint8Array): ApiKeys => {
  const store = redisStore({ url: server.url, commandTimeoutMs: 5000 }, { namespace, integrityKey })
  ends.push(() => store.close())
  return createApiKeys({ store, lastUseIntervalMs: false })
}
const pairsOf = (flat: unknown): [string, string][] => {
  const all = flat as string[]
  return Array.from({ length: all.length / 2 }, (_, i) => [all[i * 2] as string, all[i * 2 + 1] as string])
}

/** Reads Redis as it is, and compares the indexes with what they must be by the records. Answers the records. */
const checkRaw = async (namespace: string): Promise<Map<string, ApiKeyRecord>> => {
  const stem = `{${namespace}:api-keys}:`
  const hash = async (name: string) => new Map(pairsOf(await server.cli('HGETALL', stem + name)))
  const records = new Map<string, ApiKeyRecord>()
  for (const [id, text] of await hash('records')) records.set(id, JSON.parse(text.slice(44)) as ApiKeyRecord)
  const all = [...records.values()]
  const named = all.filter(({ status, replaced }) => status !== 'revoked' && replaced === undefined)
  expect(await hash('names')).toEqual(new Map(named.map(({ name, id }) => [name, id])))
  const founders = all.filter(({ replaces }) => replaces === undefined)
  expect(await hash('families')).toEqual(new Map(founders.map(({ family, id }) => [family, id])))
  const issued = all.filter(({ parent }) => parent !== undefined)
  const stored = (await server.cli('KEYS', `${stem}children:*`)) as string[]
  const sets = new Map<string, Map<string, string>>()
  for (const key of stored) {
    const members = pairsOf(await server.cli('ZRANGE', key, 0, -1, 'WITHSCORES'))
    sets.set(key.slice(stem.length + 9), new Map(members))
  }
  const expected = new Map<string, Map<string, string>>()
  for (const { id, parent, status, revokedAtMs, expiresAtMs } of issued) {
    const set = expected.get(parent as string) ?? new Map<string, string>()
    const until = status === 'revoked' ? revokedAtMs : (expiresAtMs as number) + 3_600_000
    expected.set(parent as string, set.set(id, String(until)))
  }
  expect(sets).toEqual(expected)
  for (const record of all) {
    if (record.replaced !== undefined) expect(records.get(record.replaced.by)?.replaces).toBe(record.id)
    if (record.replaces !== undefined) expect(records.get(record.replaces)?.replaced?.by).toBe(record.id)
  }
  return records
}

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T
let made = 0

/** Something that an administrator may ask for of a family, by whatever handle there is. */
const anything = (keys: ApiKeys, handle: string): Promise<unknown> =>
  pick([
    () => keys.rotate(handle, { overlapMs: pick([0, 60_000]) }),
    () => keys.rotate(handle, { until: 'first_use' }),
    () => keys.update(handle, { metadata: { m: String(++made) } }),
    () => keys.update(handle, { name: `renamed ${++made}` }),
    () => keys.update(handle, { expiresAtMs: Date.now() + 1_000_000 + made++ }),
    () => keys.disable(handle),
    () => keys.enable(handle),
    () => keys.issueChild({ idOrName: handle }, { name: `child ${++made}`, grants: ['get_*'] }),
  ])()

const expectedCodes = ['ERR_APIKEY_STATE', 'ERR_APIKEY_NOT_FOUND', 'ERR_APIKEY_DELEGATION']

test('of many changes at once by three processes all are whole: one named key a family, indexes that agree', {
  timeout: 300_000,
}, async () => {
  const namespace = randomUUID()
  const integrityKey = randomBytes(32)
  const all = [open(namespace, integrityKey), open(namespace, integrityKey), open(namespace, integrityKey)]
  const families: string[] = []
  const fates = { revoked: 0, standing: 0, done: 0, refused: 0 }
  for (let i = 0; i < (isLong ? 500 : 50); i++) {
    const parent = i % 3 === 0 ? families.at(-1) : undefined
    const made = parent
      ? await pick(all)
          .issueChild({ idOrName: parent }, { name: `family ${i}`, grants: ['admin:delegate', 'get_*'] })
          .catch(() => undefined)
      : undefined
    const { record } = made ?? (await pick(all).create({ name: `family ${i}`, grants: ['admin:delegate', 'get_*'] }))
    families.push(record.id)
    const handles = [record.id, record.id, record.name]
    const under = Array.from({ length: 8 }, () => anything(pick(all), pick(handles)))
    const revocation = i % 4 === 3 ? pick(all).revoke(record.id) : undefined
    for (const one of await Promise.allSettled(under)) {
      fates[one.status === 'fulfilled' ? 'done' : 'refused']++
      if (one.status === 'fulfilled') continue
      expect(one.reason).toBeInstanceOf(ApiKeyError)
      expect(expectedCodes).toContain((one.reason as ApiKeyError).code)
    }
    await revocation
    const records = await checkRaw(namespace)
    const members = [...records.values()].filter(({ family }) => family === record.family)
    const named = members.filter(({ status, replaced }) => status !== 'revoked' && replaced === undefined)
    if (revocation === undefined) expect(named).toHaveLength(1)
    // Revoked while it was rotated: no successor escapes.
    else expect(members.filter(({ status }) => status !== 'revoked')).toEqual([])
    expect(new Set(members.map(({ status }) => status)).size).toBe(1)
    fates[revocation === undefined ? 'standing' : 'revoked']++
  }
  expect(Math.min(...Object.values(fates))).toBeGreaterThan(5)
})

test('a key that is rotated by many at once has one successor, and all others are told', async () => {
  const namespace = randomUUID()
  const integrityKey = randomBytes(32)
  const all = [open(namespace, integrityKey), open(namespace, integrityKey), open(namespace, integrityKey)]
  for (let i = 0; i < 20; i++) {
    const { record } = await pick(all).create({ name: `one ${i}`, grants: [] })
    const results = await Promise.allSettled(Array.from({ length: 9 }, (_, n) => all[n % 3]?.rotate(record.id)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const one of results) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'ERR_APIKEY_STATE' })
    }
    await checkRaw(namespace)
  }
})

test('of a name that many ask for at once one gets it, and none is left behind', async () => {
  const namespace = randomUUID()
  const integrityKey = randomBytes(32)
  const all = [open(namespace, integrityKey), open(namespace, integrityKey), open(namespace, integrityKey)]
  for (let i = 0; i < 20; i++) {
    const results = await Promise.allSettled(
      Array.from({ length: 9 }, (_, n) => all[n % 3]?.create({ name: `name ${i}`, grants: [] })),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await checkRaw(namespace)).size).toBe(i + 1)
  }
})
