import { createApiKeys, memoryStore } from '@portcullis/auth-apikey'
import { expect, test } from 'vitest'
import { takeBack } from '../src/key-places.ts'

const rotated = async () => {
  const store = memoryStore()
  const keys = createApiKeys({ store, lastUseIntervalMs: false })
  const old = await keys.create({ name: 'ci', grants: [] })
  return { store, keys, old, next: await keys.rotate('ci') }
}

test('what was changed of the old key meanwhile stays', async () => {
  const { store, keys, old, next } = await rotated()
  await keys.update(next.record.id, { owner: 'ann' })
  await keys.disable(old.record.id)
  expect(await takeBack(store, next.record.id)).toBe(true)
  expect(await keys.get('ci')).toMatchObject({ id: old.record.id, owner: 'ann', status: 'disabled' })
  expect(await keys.get('ci')).not.toHaveProperty('replaced')
  expect(await keys.get(next.record.id)).toMatchObject({ status: 'revoked' })
})

test('nothing is undone from where somebody has gone on', async () => {
  for (const goOn of ['rotate', 'revoke'] as const) {
    const { store, keys, next } = await rotated()
    await keys[goOn]('ci')
    const before = await keys.list()
    expect(await takeBack(store, next.record.id)).toBe(false)
    expect(await keys.list()).toEqual(before)
  }
  const { store, old } = await rotated()
  for (const id of [old.record.id, 'nobody']) expect(await takeBack(store, id)).toBe(false)
})

test('a change in the middle of it is taken in, and the undoing tried again', async () => {
  const { store, keys, old, next } = await rotated()
  let first = true
  const busy = {
    ...store,
    commit: async (changes: Parameters<typeof store.commit>[0]) => {
      if (first) await keys.update('ci', { owner: 'bob' })
      first = false
      return store.commit(changes)
    },
  }
  expect(await takeBack(busy, next.record.id)).toBe(true)
  expect(await keys.get('ci')).toMatchObject({ id: old.record.id, owner: 'bob', status: 'active' })
})
