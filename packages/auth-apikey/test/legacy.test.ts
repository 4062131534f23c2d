import { expect, test } from 'vitest'
import { createApiKeys, fileStore, isLegacyFile, readLegacyKeys } from '../src/index.ts'
import { freshPath, legacyText } from './scratch.ts'

test('reads the old file by path or parsed, with the grants that stand there or that a name stands for', () => {
  const { entries } = readLegacyKeys(freshPath(legacyText))
  expect(entries).toEqual([
    { name: 'production', key: 'sk-prod-1234567890abcdef1234567890', grants: ['*'] },
    {
      name: 'development',
      key: 'sk-dev-abcdef1234567890',
      grants: ['hello_world', 'echo', 'get_time', 'debug_info'],
    },
    { name: 'readonly', key: 'sk-ro-fedcba0987654321', grants: ['get_*', 'list_*'] },
    { name: 'nothing', key: 'sk-no-0000111122223333', grants: [] },
  ])
  expect(readLegacyKeys(JSON.parse(legacyText)).entries).toEqual(entries)
})

test('names of object members have no default rights and no inherited ones', () => {
  const json = JSON.parse(
    '{"api_keys":{"__proto__":"kkkkkkkkkkk1","constructor":"kkkkkkkkkkk2","toString":"kkkkkkkkkkk3"}}',
  )
  expect(readLegacyKeys(json).entries.map(({ name, grants }) => [name, grants])).toEqual([
    ['__proto__', []],
    ['constructor', []],
    ['toString', []],
  ])
})

test('tells an old file from ours and from anything else', async () => {
  const path = freshPath()
  await createApiKeys({ store: fileStore(path) }).create({ name: 'ci', grants: [] })
  expect(isLegacyFile(JSON.parse(legacyText))).toBe(true)
  expect(isLegacyFile({ api_keys: {} })).toBe(true)
  for (const other of [null, [], 'api_keys', {}, { format: 'portcullis-api-keys', api_keys: {} }, { keys: [] }]) {
    expect(isLegacyFile(other)).toBe(false)
  }
  const ours = expect.objectContaining({ code: 'ERR_APIKEY_STORE', message: expect.stringContaining('no "api_keys"') })
  expect(() => readLegacyKeys(path)).toThrow(ours)
})

test('absent and unsafe files are faults', () => {
  expect(() => readLegacyKeys(`${freshPath()}.none`)).toThrow(/does not exist/)
  const path = freshPath(legacyText, 0o644)
  expect(() => readLegacyKeys(path)).toThrow(`chmod 600 ${path}`)
})
