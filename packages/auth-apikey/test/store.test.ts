import { randomBytes, randomUUID } from 'node:crypto'
import { startRedis } from '@portcullis-internal/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiKeyRecord, type ApiKeyStore, createApiKeys, fileStore, memoryStore } from '../src/index.ts'
import { redisStore } from '../src/redis.ts'
import { freshPath } from './scratch.ts'

let url = ''
const ends: (() => Promise<void>)[] = []
beforeAll(async () => {
  const server = await startRedis()
  url = server.url
  ends.push(() => server.stop())
})
afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

const record = (id: string, fields: Partial<ApiKeyRecord> = {}): ApiKeyRecord => ({
  id: id.padEnd(12, '0'),
  name: `name-${id}`,
  hash: 'A'.repeat(43),
  alg: 'sha256',
  prefix: 'pck',
  env: 'live',
  last4: 'abcd',
  grants: ['get_*'],
  status: 'active',
  createdAtMs: 1,
  expiresAtMs: null,
  family: id.padEnd(12, '0'),
  rev: 1,
  ...fields,
})

const stores: [string, () => ApiKeyStore][] = [
  ['memory', () => memoryStore()],
  ['file', () => fileStore(freshPath())],
  ['redis', () => inRedis()],
  ['redis', () => inRedis(randomBytes(32))],
]

const inRedis = (integrityKey?: Uint8Array): ApiKeyStore => {
  const store = redisStore({ url }, { namespace: randomUUID(), ...(integrityKey ? { integrityKey } : {}) })
  ends.push(() => store.close())
  return store
}

const insert = (store: ApiKeyStore, given: ApiKeyRecord) => store.commit([{ insert: given }])
const replace = (store: ApiKeyStore, given: ApiKeyRecord, expectedRev: number) =>
  store.commit([{ replace: given, expectedRev }])

describe.each(stores)('the %s store', (label, make) => {
  test('is empty at first and has its label', async () => {
    const store = make()
    expect(store.label).toBe(label)
    expect([await store.get('a'), await store.find('a'), await store.list()]).toEqual([undefined, undefined, []])
  })

  test('answers with frozen records of stable identity, and at once when it has answered before', async () => {
    const store = make()
    await insert(store, record('a'))
    await insert(store, record('b'))
    const a = (await store.get(record('a').id)) as ApiKeyRecord
    expect(store.get(a.id)).toBe(a)
    expect(a).toEqual(record('a'))
    expect(Object.isFrozen(a) && Object.isFrozen(a.grants)).toBe(true)
    await insert(store, record('c'))
    await replace(store, record('b', { rev: 2 }), 1)
    expect(await store.get(a.id)).toBe(a)
    expect(await store.find(a.name)).toBe(a)
    expect(await store.list()).toContain(a)
  })

  test('refuses what is taken and then keeps what it had', async () => {
    const store = make()
    await insert(store, record('a'))
    expect(await insert(store, record('a', { name: 'x', family: 'x' }))).toBe('id_taken')
    expect(await insert(store, record('b', { name: 'name-a' }))).toBe('name_taken')
    expect(await insert(store, record('b', { name: record('a').id }))).toBe('name_taken')
    expect(await insert(store, record('b', { family: record('a').family }))).toBe('family_taken')
    expect(await store.list()).toEqual([record('a')])
    expect(await insert(store, record('b'))).toBe('done')
  })

  test('replaces only the revision that was seen', async () => {
    const store = make()
    await insert(store, record('a'))
    const revoked = record('a', { status: 'revoked', rev: 2 })
    expect(await replace(store, revoked, 7)).toBe('changed')
    expect(await replace(store, record('b'), 1)).toBe('changed')
    expect(await replace(store, revoked, 1)).toBe('done')
    expect(await replace(store, revoked, 1)).toBe('changed')
    expect(await store.get(revoked.id)).toEqual(revoked)
  })

  test('a name is free again after revocation, and finds the key that is not revoked', async () => {
    const store = make()
    await insert(store, record('a', { name: 'ci' }))
    await replace(store, record('a', { name: 'ci', status: 'revoked', rev: 2 }), 1)
    expect(await insert(store, record('b', { name: 'ci', createdAtMs: 2 }))).toBe('done')
    expect(await store.find('ci')).toMatchObject({ id: record('b').id })
    await replace(store, record('b', { name: 'ci', status: 'revoked', rev: 2, createdAtMs: 2 }), 1)
    expect(await store.find('ci')).toMatchObject({ id: record('b').id })
    expect(await store.find(record('a').id)).toMatchObject({ id: record('a').id })
  })

  test('issues, verifies and revokes', async () => {
    const keys = createApiKeys({ store: make() })
    const { key } = await keys.create({ name: 'ci', grants: ['get_*'], metadata: { team: 'ürün 日本 😀' } })
    const imported = await keys.importPlain({ name: 'old', key: 'sk-1234567890', grants: ['*'] })
    const result = await keys.verify(key)
    expect(result).toMatchObject({ ok: true, record: { name: 'ci', metadata: { team: 'ürün 日本 😀' } } })
    expect(await keys.verify(key)).toBe(result)
    expect(await keys.verify('sk-1234567890')).toMatchObject({ ok: true, record: imported })
    expect(await keys.verify('sk-1234567891')).toMatchObject({ ok: false, reason: 'unknown' })
    await expect(keys.create({ name: 'ci', grants: [] })).rejects.toMatchObject({ code: 'ERR_APIKEY_EXISTS' })
    await keys.revoke('ci', { reason: 'over' })
    expect(await keys.verify(key)).toMatchObject({ ok: false, reason: 'revoked' })
    expect((await keys.list()).map((one) => [one.name, one.status])).toEqual([
      ['ci', 'revoked'],
      ['old', 'active'],
    ])
    expect(await keys.revoke('ci')).toMatchObject({ revokedReason: 'over' })
    await expect(keys.revoke('nobody')).rejects.toMatchObject({ code: 'ERR_APIKEY_NOT_FOUND' })
  })

  test('of many changes at once each is made once', async () => {
    const store = make()
    const inserted = await Promise.all(
      Array.from({ length: 10 }, (_, i) => insert(store, record(`k${i}`, { name: 'one of them' }))),
    )
    expect(inserted.filter((outcome) => outcome === 'done')).toHaveLength(1)
    const winner = (await store.find('one of them')) as ApiKeyRecord
    const replaced = await Promise.all(
      Array.from({ length: 10 }, (_, i) => replace(store, { ...winner, rev: 2, owner: `${i}` }, 1)),
    )
    expect(replaced.filter((outcome) => outcome === 'done')).toHaveLength(1)
    expect(await store.get(winner.id)).toMatchObject({ rev: 2, owner: String(replaced.indexOf('done')) })
  })
})
