import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ApiKeyRecord, type ApiKeyStore, createApiKeys, formatKey, memoryStore } from '../src/index.ts'
import { principalIdOf } from '../src/standing.ts'

const setup = () => {
  const time = { nowMs: 1_700_000_000_000 }
  const store = memoryStore()
  return { keys: createApiKeys({ store, clock: () => time.nowMs }), store, time }
}

test('the same frozen result comes back as long as the record does not change', async () => {
  const { keys, time } = setup()
  const expiresAtMs = time.nowMs + 60_000
  const { key, record } = await keys.create({ name: 'ci', grants: ['get_*'], tenant: 'a:b', expiresAtMs })
  const first = keys.verify(key, { address: '203.0.113.7' })
  expect(first).toEqual({
    ok: true,
    record,
    principal: {
      id: `api_key:memory:a%3Ab:${record.id}`,
      method: 'api_key',
      grants: ['get_*'],
      authenticatedAtMs: time.nowMs,
      expiresAtMs,
      tenant: 'a:b',
    },
  })
  time.nowMs += 1000
  expect(keys.verify(key)).toBe(first)
  expect(
    Object.isFrozen(first) && first instanceof Promise === false && first.ok && Object.isFrozen(first.principal),
  ).toBe(true)
})

test('a key expires at the very millisecond and an early one waits for its', async () => {
  const { keys, time } = setup()
  const { key, record } = await keys.create({ name: 'ci', grants: [], expiresAtMs: time.nowMs + 10 })
  await keys.update(record.id, { notBeforeMs: time.nowMs + 5 })
  const reasons = Array.from({ length: 12 }, () => {
    const result = keys.verify(key)
    time.nowMs++
    return result instanceof Promise ? 'promise' : result.ok ? 'ok' : result.reason
  })
  expect(reasons).toEqual([...Array(5).fill('not_yet_valid'), ...Array(5).fill('ok'), 'expired', 'expired'])
})

test('a wrong secret with a good checksum is unknown, whatever the state of the key with that id', async () => {
  const { keys } = setup()
  const { record } = await keys.create({ name: 'ci', grants: [] })
  const forged = formatKey({ prefix: 'pck', env: 'live', id: record.id, secret: 'A'.repeat(43) })
  expect(keys.verify(forged)).toEqual({ ok: false, reason: 'unknown' })
  await keys.revoke('ci')
  expect(keys.verify(forged)).toEqual({ ok: false, reason: 'unknown' })
})

test('the env and prefix in the text are part of what is hashed', async () => {
  const { keys } = setup()
  const { key, record } = await keys.create({ name: 'ci', grants: [] })
  const secret = key.slice(-49, -6)
  for (const other of [{ env: 'test' }, { prefix: 'msk' }]) {
    const text = formatKey({ prefix: 'pck', env: 'live', id: record.id, secret, ...other })
    expect(keys.verify(text)).toEqual({ ok: false, reason: 'unknown' })
  }
})

test('malformed texts never reach the store, others ask it once', async () => {
  let asked = 0
  const store: ApiKeyStore = {
    ...memoryStore(),
    get: () => {
      asked++
      return undefined
    },
  }
  const keys = createApiKeys({ store })
  const { key } = await createApiKeys({ store: memoryStore() }).create({ name: 'x', grants: [] })
  for (const text of ['', 'x'.repeat(4097), `${key.slice(0, -6)}000000`]) {
    expect(keys.verify(text)).toEqual({ ok: false, reason: 'malformed' })
  }
  expect(asked).toBe(0)
  expect(keys.verify(key)).toEqual({ ok: false, reason: 'unknown' })
  expect(keys.verify('some-foreign-key')).toEqual({ ok: false, reason: 'unknown' })
  expect(asked).toBe(2)
})

test('a long key of a foreign format is verified like any other, up to 4,096 characters', async () => {
  const { keys } = setup()
  for (const length of [513, 4096]) {
    const key = 'x'.repeat(length)
    expect(keys.verify(key)).toEqual({ ok: false, reason: 'unknown' })
    await keys.importPlain({ name: `long ${length}`, key, grants: ['*'] })
    expect(keys.verify(key)).toMatchObject({ ok: true, principal: { grants: ['*'] } })
    expect(keys.verify(`${key.slice(1)}y`)).toEqual({ ok: false, reason: 'unknown' })
  }
})

test('a store that answers later or fails is waited for; its fault is thrown, never a refusal', async () => {
  const { keys, store } = setup()
  const { key } = await keys.create({ name: 'ci', grants: ['*'], expiresAtMs: null })
  const later = createApiKeys({ store: { ...store, get: async (id) => store.get(id) } })
  expect(await later.verify(key)).toMatchObject({ ok: true })
  const boom = new Error('down')
  const failing = createApiKeys({ store: { ...store, get: () => Promise.reject(boom) } })
  await expect(failing.verify(key)).rejects.toBe(boom)
})

test('principal ids are injective over store, tenant and family', () => {
  const part = fc.string({ unit: fc.constantFrom(':', '%', '3', 'A', 'a', '.', '/'), minLength: 1, maxLength: 4 })
  const who = fc.record({ label: part, tenant: fc.option(part, { nil: undefined }), family: part })
  fc.assert(
    fc.property(who, who, (one, other) => {
      const [a, b] = [one, other].map(({ label, ...record }) => principalIdOf(label, record as ApiKeyRecord))
      expect(a === b).toBe(JSON.stringify(one) === JSON.stringify(other))
    }),
    { numRuns: 500 },
  )
})
