import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { type ApiKeysOptions, createApiKeys, memoryStore } from '../src/index.ts'

const setup = (options: Partial<ApiKeysOptions> = {}) => {
  const time = { nowMs: 1_700_000_000_000 }
  const store = memoryStore()
  return { keys: createApiKeys({ store, clock: () => time.nowMs, ...options }), store, time }
}
const failsWith = (code: string) => expect.objectContaining({ name: 'ApiKeyError', code, fault: 'invalid' })

test('create shows the key once and keeps only its hash', async () => {
  const { keys, store } = setup()
  const { key, record } = await keys.create({
    name: 'ci',
    grants: ['get_*'],
    owner: 'team-a',
    tenant: 'acme',
    metadata: { ticket: 'OPS-1' },
  })
  expect(key).toMatch(/^pck_live_[0-9A-Za-z]{61}$/)
  expect(record).toMatchObject({
    name: 'ci',
    grants: ['get_*'],
    status: 'active',
    createdAtMs: 1_700_000_000_000,
    expiresAtMs: 1_700_000_000_000 + 90 * 86_400_000,
    owner: 'team-a',
    tenant: 'acme',
    metadata: { ticket: 'OPS-1' },
    last4: key.slice(-4),
    rev: 1,
  })
  expect(key).toContain(record.id)
  expect(inspect(await store.list(), { depth: 9 })).not.toContain(key.slice(-49, -6))
  expect([record, record.grants, record.metadata].every(Object.isFrozen)).toBe(true)
})

test('later changes to what was passed in change nothing', async () => {
  const { keys } = setup()
  const grants = ['get_*']
  const metadata = { a: 'b' }
  await keys.create({ name: 'ci', grants, metadata })
  grants.push('*')
  metadata.a = 'c'
  expect(await keys.get('ci')).toMatchObject({ grants: ['get_*'], metadata: { a: 'b' } })
})

test('malformed grants, names in use and bad options are refused', async () => {
  const { keys, time } = setup()
  const { key, record } = await keys.create({ name: 'ci', grants: [] })
  for (const grants of [['tool:'], ['nokind:x'], ['a b'], [7], 'get_*', [''], undefined]) {
    await expect(keys.create({ name: 'x', grants: grants as never })).rejects.toThrow(failsWith('ERR_APIKEY_GRANT'))
  }
  await expect(keys.create({ name: 'ci', grants: [] })).rejects.toThrow(failsWith('ERR_APIKEY_EXISTS'))
  await expect(keys.create({ name: record.id, grants: [] })).rejects.toThrow(failsWith('ERR_APIKEY_EXISTS'))
  const bad = [
    { name: '' },
    { name: ' x' },
    { name: 'a\nb' },
    { name: 'a\u202eb' },
    { name: 'a\ud800' },
    { name: 'x'.repeat(129) },
    { name: key },
    { name: 'y', expiresAtMs: time.nowMs },
    { name: 'y', expiresAtMs: 1.5 },
    { name: 'y', expiresAtMs: '2030' },
    { name: 'y', tenant: '' },
    { name: 'y', metadata: { a: 1 } },
    { name: 'y', metadata: [] },
    { name: 'y', expires: 1 },
  ]
  for (const options of bad) {
    const error = await keys.create({ grants: [], ...options } as never).catch((caught: unknown) => caught)
    expect(error).toEqual(failsWith('ERR_APIKEY_OPTION'))
    expect(String(error)).not.toContain(key)
  }
  expect(await keys.list()).toHaveLength(1)
})

test('get and revoke take an id or a name; a revoked name is free again', async () => {
  const { keys, time } = setup()
  const first = await keys.create({ name: 'ci', grants: ['*'] })
  expect(await keys.get(first.record.id)).toBe(first.record)
  const revoked = await keys.revoke('ci', { reason: 'left in a log' })
  expect(revoked).toMatchObject({ status: 'revoked', revokedAtMs: time.nowMs, revokedReason: 'left in a log', rev: 2 })
  expect(keys.verify(first.key)).toEqual({ ok: false, reason: 'revoked' })
  time.nowMs += 1000
  expect(await keys.revoke('ci')).toBe(revoked)
  const second = await keys.create({ name: 'ci', grants: [] })
  expect(await keys.get('ci')).toBe(second.record)
  await keys.revoke(second.record.id)
  expect(await keys.get('ci')).toMatchObject({ id: second.record.id, status: 'revoked' })
  expect((await keys.list()).map((record) => record.id)).toEqual([first.record.id, second.record.id])
  expect(await keys.get('nobody')).toBeUndefined()
  await expect(keys.revoke('nobody')).rejects.toThrow(failsWith('ERR_APIKEY_NOT_FOUND'))
  await expect(keys.revoke('ci', { reson: 'x' } as never)).rejects.toThrow(failsWith('ERR_APIKEY_OPTION'))
})

test('no message repeats a key that was given for a name', async () => {
  const { keys } = setup()
  const { key } = await keys.create({ name: 'ci', grants: [] })
  for (const text of [key, key.slice(0, -1), `${key}0`, ` ${key}`]) {
    const revoked = await keys.revoke(text).catch((caught: unknown) => caught)
    expect(revoked).toEqual(failsWith('ERR_APIKEY_NOT_FOUND'))
    const created = await keys.create({ name: text, grants: [] }).catch((caught: unknown) => caught)
    expect(created).toEqual(failsWith('ERR_APIKEY_OPTION'))
    expect(inspect([revoked, created])).not.toContain(key.slice(20, 40))
  }
})

test('imported keys work with their own text, once, under a name of their own', async () => {
  const { keys } = setup()
  const key = 'sk-prod-1234567890abcdef'
  const record = await keys.importPlain({ name: 'production', key, grants: ['*'] })
  expect(record).toMatchObject({ origin: 'import', prefix: '', env: '', last4: 'cdef', name: 'production' })
  expect(keys.verify(key)).toMatchObject({ ok: true, principal: { id: 'api_key:memory::name.production' } })
  expect(keys.verify(`${key} `)).toEqual({ ok: false, reason: 'unknown' })
  const again = keys.importPlain({ name: 'other', key, grants: [] })
  await expect(again).rejects.toThrow(failsWith('ERR_APIKEY_EXISTS'))
  await keys.revoke('production')
  expect(keys.verify(key)).toEqual({ ok: false, reason: 'revoked' })
  const successor = keys.importPlain({ name: 'production', key: 'sk-prod-another-one-00', grants: ['*'] })
  await expect(successor).rejects.toThrow(failsWith('ERR_APIKEY_EXISTS'))
})

test('a key of our own format can be imported from another store, also under another prefix', async () => {
  const elsewhere = setup({ prefix: 'old_org' })
  const { key, record } = await elsewhere.keys.create({ name: 'ci', grants: [] })
  const { keys } = setup()
  expect(await keys.importPlain({ name: 'ci', key, grants: ['get_*'] })).toMatchObject({
    id: record.id,
    prefix: 'old_org',
  })
  expect(keys.verify(key)).toMatchObject({ ok: true, principal: { grants: ['get_*'] } })
})

test('keys that no header can carry, or that were mistyped are not imported', async () => {
  const { keys } = setup()
  const { key } = await keys.create({ name: 'ci', grants: [] })
  const typo = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')
  for (const text of ['', 'with space in it', 'ümläutümläut', 'x'.repeat(4097), 'line\nbreak1', typo, 12345678]) {
    const result = keys.importPlain({ name: 'x', key: text as string, grants: [] })
    await expect(result).rejects.toThrow(failsWith('ERR_APIKEY_FORMAT'))
  }
})

test('looksLikeKey goes by shape and prefix, not by checksum', async () => {
  const { keys } = setup()
  const { key } = await keys.create({ name: 'ci', grants: [] })
  expect(keys.looksLikeKey(key)).toBe(true)
  expect(keys.looksLikeKey(`${key.slice(0, -1)}_`)).toBe(false)
  expect(keys.looksLikeKey(key.slice(0, -6) + '000000')).toBe(true)
  expect(keys.looksLikeKey(key.replace('pck', 'msk'))).toBe(false)
  expect(keys.looksLikeKey('eyJhbGciOiJFUzI1NiJ9.e30.c2ln')).toBe(false)
})

test('options are checked', () => {
  const store = memoryStore()
  for (const bad of [
    {},
    { store: {} },
    { store, prefix: 'P' },
    { store, prefix: 'x' },
    { store, env: 'a_b' },
    { store, stroe: 1 },
  ]) {
    expect(() => createApiKeys(bad as never)).toThrow(failsWith('ERR_APIKEY_OPTION'))
  }
  expect(() => memoryStore({ lable: 'x' } as never)).toThrow(failsWith('ERR_APIKEY_OPTION'))
})
