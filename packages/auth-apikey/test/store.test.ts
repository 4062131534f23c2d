import { describe, expect, test } from 'vitest'
import { type ApiKeyRecord, type ApiKeyStore, fileStore, memoryStore } from '../src/index.ts'
import { freshPath } from './scratch.ts'

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
]

describe.each(stores)('the %s store', (label, make) => {
  test('is empty at first and has its label', async () => {
    const store = make()
    expect(store.label).toBe(label)
    expect([await store.get('a'), await store.find('a'), await store.list()]).toEqual([undefined, undefined, []])
  })

  test('answers at once, with frozen records of stable identity', async () => {
    const store = make()
    await store.insert(record('a'))
    await store.insert(record('b'))
    const a = store.get(record('a').id) as ApiKeyRecord
    expect(a).toEqual(record('a'))
    expect(Object.isFrozen(a) && Object.isFrozen(a.grants)).toBe(true)
    await store.insert(record('c'))
    await store.replace(record('b', { rev: 2 }), 1)
    expect(store.get(a.id)).toBe(a)
    expect(store.find(a.name)).toBe(a)
    expect(store.list()).toContain(a)
  })

  test('refuses what is taken and then keeps what it had', async () => {
    const store = make()
    await store.insert(record('a'))
    expect(await store.insert(record('a', { name: 'x', family: 'x' }))).toBe('id_taken')
    expect(await store.insert(record('b', { name: 'name-a' }))).toBe('name_taken')
    expect(await store.insert(record('b', { name: record('a').id }))).toBe('name_taken')
    expect(await store.insert(record('b', { family: record('a').family }))).toBe('family_taken')
    expect(await store.list()).toEqual([record('a')])
    expect(await store.insert(record('b'))).toBe('inserted')
  })

  test('replaces only the revision that was seen', async () => {
    const store = make()
    await store.insert(record('a'))
    const revoked = record('a', { status: 'revoked', rev: 2 })
    expect(await store.replace(revoked, 7)).toBe(false)
    expect(await store.replace(record('b'), 1)).toBe(false)
    expect(await store.replace(revoked, 1)).toBe(true)
    expect(await store.replace(revoked, 1)).toBe(false)
    expect(await store.get(revoked.id)).toEqual(revoked)
  })

  test('a name is free again after revocation, and finds the key that is not revoked', async () => {
    const store = make()
    await store.insert(record('a', { name: 'ci' }))
    await store.replace(record('a', { name: 'ci', status: 'revoked', rev: 2 }), 1)
    expect(await store.insert(record('b', { name: 'ci', createdAtMs: 2 }))).toBe('inserted')
    expect(await store.find('ci')).toMatchObject({ id: record('b').id })
    await store.replace(record('b', { name: 'ci', status: 'revoked', rev: 2, createdAtMs: 2 }), 1)
    expect(await store.find('ci')).toMatchObject({ id: record('b').id })
    expect(await store.find(record('a').id)).toMatchObject({ id: record('a').id })
  })
})
