import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createApiKeys, fileStore, migrateLegacy } from '../src/index.ts'
import { freshPath, legacyText, runChild } from './scratch.ts'

const open = (path: string) => createApiKeys({ store: fileStore(path) })
const failsWith = (code: string, fault = 'unavailable') => expect.objectContaining({ name: 'ApiKeyError', code, fault })
const afterInterval = () => new Promise((resolve) => setTimeout(resolve, 270))
const nobody = 'some-text-that-is-no-key'

test('writes our format, mode 0600 in a folder 0700, one line a key, and reads it back', async () => {
  const path = join(dirname(freshPath()), 'config', 'api_keys.json')
  const { key, record } = await open(path).create({ name: 'ci', grants: ['get_*'] })
  await open(path).create({ name: 'two', grants: [] })
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ format: 'portcullis-api-keys', version: 1, rev: 2 })
  expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(5)
  expect(readFileSync(path, 'utf8')).not.toContain(key)
  expect([statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777]).toEqual([0o600, 0o700])
  expect(open(path).verify(key)).toMatchObject({ ok: true, principal: { id: `api_key:file::${record.id}` } })
  expect(readdirSync(dirname(path))).toEqual(['api_keys.json'])
})

test('a key that another process made is good at once, even when this one has just looked', async () => {
  const path = freshPath()
  const keys = open(path)
  expect(keys.verify(nobody)).toEqual({ ok: false, reason: 'unknown' })
  const { text } = await runChild(
    path,
    `console.log((await lib.createApiKeys({ store: lib.fileStore(path) }).create({ name: 'ci', grants: [] })).key)`,
  )
  expect(keys.verify(text.trim())).toMatchObject({ ok: true })
})

test('a revocation by another process is seen within the interval', async () => {
  const path = freshPath()
  const keys = open(path)
  const { key } = await keys.create({ name: 'ci', grants: [] })
  const other = await keys.create({ name: 'other', grants: [] })
  const before = keys.verify(other.key)
  expect(keys.verify(key)).toMatchObject({ ok: true })
  const { code } = await runChild(path, `await lib.createApiKeys({ store: lib.fileStore(path) }).revoke('ci')`)
  expect(code).toBe(0)
  await afterInterval()
  expect(keys.verify(key)).toEqual({ ok: false, reason: 'revoked' })
  expect(keys.verify(other.key)).toBe(before)
})

test('a record that was edited by hand counts as it stands, also without a new revision number', async () => {
  const path = freshPath()
  const keys = open(path)
  const { key } = await keys.create({ name: 'ci', grants: ['get_*'] })
  expect(keys.verify(key)).toMatchObject({ principal: { grants: ['get_*'] } })
  writeFileSync(path, readFileSync(path, 'utf8').replace('"get_*"', '"list_*"'))
  await afterInterval()
  expect(keys.verify(key)).toMatchObject({ principal: { grants: ['list_*'] } })
})

test('processes that write at once never lose each other’s keys', async () => {
  const path = freshPath()
  const body = (name: string) => `
    const keys = lib.createApiKeys({ store: lib.fileStore(path) })
    for (let n = 0; n < 8; n++) {
      const { record } = await keys.create({ name: '${name}' + n, grants: [] })
      if (n % 2) await keys.revoke(record.id)
    }`
  const results = await Promise.all(['a', 'b', 'c'].map((name) => runChild(path, body(name))))
  expect(results.map((result) => result.code)).toEqual([0, 0, 0])
  const list = await open(path).list()
  expect(list).toHaveLength(24)
  expect(list.filter((record) => record.status === 'revoked')).toHaveLength(12)
  expect(JSON.parse(readFileSync(path, 'utf8')).rev).toBe(36)
})

test('writers killed at any moment leave a file that reads, with every key that was acknowledged', async () => {
  const path = freshPath()
  const body = `
    const { writeSync } = await import('node:fs')
    const keys = lib.createApiKeys({ store: lib.fileStore(path) })
    for (let n = 0; ; n++) {
      const { key } = await keys.create({ name: process.pid + '-' + n, grants: [] })
      writeSync(1, key + '\\n')
    }`
  let acknowledged = 0
  for (let round = 0; round < 3; round++) {
    const { code, text } = await runChild(path, body, 5 + round * 11)
    expect(code).toBeNull()
    const keys = open(path)
    for (const key of text.split('\n').slice(0, -1)) {
      expect(keys.verify(key)).toMatchObject({ ok: true })
      acknowledged++
    }
  }
  expect(acknowledged).toBeGreaterThan(0)
})

test('a damaged file is a fault for every caller and is never written over', async () => {
  const good = freshPath()
  await open(good).create({ name: 'ci', grants: ['*'] })
  const text = readFileSync(good, 'utf8')
  const damaged = [
    '',
    '{',
    'null',
    '[]',
    '{}',
    text.slice(0, -3),
    text.replace('portcullis-api-keys', 'other'),
    text.replace('"version":1', '"version":2'),
    text.replace('"rev":1,"keys"', '"rev":-1,"keys"'),
    text.replace('"rev":1,"keys"', '"rev":1,"more":1,"keys"'),
    text.replace('"keys":[', '"keys":{},"x":['),
    text.replace('"status":"active"', '"status":"enabled"'),
    text.replace('"status":"active",', ''),
    text.replace('"alg":"sha256"', '"alg":"md5"'),
    text.replace('"grants":["*"]', '"grants":["tool:"]'),
    text.replace('"grants":["*"]', '"grants":"*"'),
    text.replace(/"expiresAtMs":\d+/, '"expiresAtMs":"never"'),
    text.replace('"family":', '"ipAllow":[],"family":'),
    text.replace(/(\{"id".*\})/, '$1,\n$1'),
  ]
  for (const content of damaged) {
    expect(content).not.toBe(text)
    const path = freshPath(content)
    const keys = open(path)
    expect(() => keys.verify(nobody)).toThrow(failsWith('ERR_APIKEY_STORE'))
    await expect(keys.list()).rejects.toThrow(JSON.stringify(path))
    await expect(keys.create({ name: 'new', grants: [] })).rejects.toThrow(failsWith('ERR_APIKEY_STORE'))
    await expect(keys.revoke('ci')).rejects.toThrow(failsWith('ERR_APIKEY_STORE'))
    await expect(migrateLegacy(path)).rejects.toThrow(failsWith('ERR_APIKEY_STORE'))
    expect(readFileSync(path, 'utf8')).toBe(content)
  }
})

test('a file that breaks while in use is a fault within the interval, and mended it serves again', async () => {
  const path = freshPath()
  const keys = open(path)
  const { key } = await keys.create({ name: 'ci', grants: [] })
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.slice(0, 50))
  await afterInterval()
  expect(() => keys.verify(key)).toThrow(failsWith('ERR_APIKEY_STORE'))
  expect(() => keys.verify(key)).toThrow(failsWith('ERR_APIKEY_STORE'))
  writeFileSync(path, text)
  await afterInterval()
  expect(keys.verify(key)).toMatchObject({ ok: true })
  rmSync(path)
  await afterInterval()
  expect(keys.verify(key)).toEqual({ ok: false, reason: 'unknown' })
})

test('a file that others can read or write, or a link, is refused with what mends it', async () => {
  for (const mode of [0o644, 0o640, 0o660, 0o606]) {
    const path = freshPath(legacyText, mode)
    expect(() => open(path).verify(nobody)).toThrow(`chmod 600 ${path}`)
    await expect(open(path).create({ name: 'x', grants: [] })).rejects.toThrow(failsWith('ERR_APIKEY_STORE'))
    await expect(migrateLegacy(path)).rejects.toThrow(`chmod 600 ${path}`)
    chmodSync(path, 0o600)
    expect(open(path).verify(nobody)).toMatchObject({ ok: false })
  }
  const link = freshPath()
  symlinkSync(freshPath(legacyText), link)
  expect(() => open(link).verify(nobody)).toThrow(/symbolic link/)
})

test('a folder that cannot be made or looked into is a fault', async () => {
  const file = freshPath('x')
  await expect(open(join(file, 'api_keys.json')).create({ name: 'x', grants: [] })).rejects.toThrow(
    failsWith('ERR_APIKEY_STORE'),
  )
  expect(() => open(join(file, 'api_keys.json')).verify(nobody)).toThrow(failsWith('ERR_APIKEY_STORE'))
})

test('a file of the old format is read as it stands, but not written', async () => {
  const path = freshPath(legacyText)
  const keys = open(path)
  const result = keys.verify('sk-dev-abcdef1234567890')
  expect(result).toMatchObject({
    ok: true,
    principal: { id: 'api_key:file::name.development', grants: ['hello_world', 'echo', 'get_time', 'debug_info'] },
  })
  expect(keys.verify('sk-ro-fedcba0987654321')).toMatchObject({ principal: { grants: ['get_*', 'list_*'] } })
  expect(keys.verify('sk-no-0000111122223333')).toMatchObject({ principal: { grants: [] } })
  for (const write of [() => keys.create({ name: 'x', grants: [] }), () => keys.revoke('production')]) {
    const error = await write().catch((caught: unknown) => caught)
    expect(error).toEqual(failsWith('ERR_APIKEY_LEGACY', 'invalid'))
    expect(String(error)).toContain('portcullis keys migrate')
  }
  expect(readFileSync(path, 'utf8')).toBe(legacyText)
})

test('migration keeps the keys working, the principals the same and no plain text', async () => {
  const path = freshPath(legacyText)
  const keys = open(path)
  const before = keys.verify('sk-prod-1234567890abcdef1234567890')
  const records = await migrateLegacy(path, { clock: () => 1_700_000_000_000 })
  expect(records.map((record) => [record.name, record.createdAtMs, record.origin])).toEqual(
    ['production', 'development', 'readonly', 'nothing'].map((name) => [name, 1_700_000_000_000, 'legacy']),
  )
  expect(readFileSync(path, 'utf8')).not.toContain('sk-')
  expect(readdirSync(dirname(path))).toEqual(['api_keys.json'])
  await afterInterval()
  const after = keys.verify('sk-prod-1234567890abcdef1234567890')
  if (before instanceof Promise || after instanceof Promise || !before.ok || !after.ok) throw new Error('not verified')
  expect(after.principal.id).toBe(before.principal.id)
  expect(after.principal.grants).toEqual(['*'])
  await keys.revoke('development')
  expect(keys.verify('sk-dev-abcdef1234567890')).toEqual({ ok: false, reason: 'revoked' })
  expect(await migrateLegacy(path)).toEqual([])
  await expect(migrateLegacy(`${path}.none`)).rejects.toThrow(failsWith('ERR_APIKEY_NOT_FOUND', 'invalid'))
  expect(existsSync(`${path}.none.lock`)).toBe(false)
})

test('no error shows a key of a damaged old file', async () => {
  const secret = 'sk-very-secret-1234567890'
  const bad = [
    `{"api_keys":{"a":"${secret}"`,
    JSON.stringify({ api_keys: { a: secret, b: secret } }),
    JSON.stringify({ api_keys: { [secret]: 7 } }),
    JSON.stringify({ api_keys: { [`${secret}\n`]: 'production' } }),
    JSON.stringify({ api_keys: { a: `${secret} ` } }),
    JSON.stringify({ api_keys: [secret] }),
    JSON.stringify({ api_keys: { a: secret }, key_permission: { a: [] } }),
    JSON.stringify({ api_keys: { a: secret }, key_permissions: { a: 'x' } }),
    JSON.stringify({ api_keys: { a: secret }, key_permissions: { a: ['b c'] } }),
    JSON.stringify({ api_keys: { a: secret }, key_permissions: [] }),
    JSON.stringify({ api_keys: {}, [secret]: 1 }),
  ]
  for (const text of bad) {
    const path = freshPath(text)
    const failures: unknown[] = await Promise.all([
      open(path)
        .list()
        .catch((error: unknown) => error),
      migrateLegacy(path).catch((error: unknown) => error),
    ])
    for (const failure of failures) {
      expect(failure).toEqual(failsWith('ERR_APIKEY_STORE'))
      expect(inspect(failure, { depth: 9 })).not.toContain('secret')
    }
    expect(readFileSync(path, 'utf8')).toBe(text)
  }
})
