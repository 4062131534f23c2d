import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createConfig, generateKey, importFernet, keys, openConfig, openConfigSync } from '../src/index.ts'
import { failsWith, failureOf, freshFolder, put } from './scratch.ts'

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures/legacy', name), 'utf8')
const text = fixture('secure_config.txt')
const fernetKey = fixture('encryption.key')

const values = {
  server_name: 'from the token',
  port: 8080,
  debug: false,
  ratio: 0.25,
  tags: ['a', 'b'],
  nested: { é: null },
  api_key: 'sk-test-é✓',
  pem: '-----BEGIN X-----\nline two\n-----END X-----\n',
  empty: '',
}
const sealedNames = ['api_key', 'empty', 'pem', 'server_name']

const place = (content = text, key = fernetKey) => {
  const folder = freshFolder()
  return { path: put(join(folder, 'c.json'), content), key: keys.file(put(join(folder, 'k'), key)) }
}

test('a file that Python wrote reads as Python reads it', async () => {
  const { path, key } = place()
  const config = await openConfig(path, { keys: [key] })
  expect([config.legacy, config.rev]).toEqual([true, 0])
  for (const [name, value] of Object.entries(values)) expect(config.get(name)).toEqual(value)
  expect(
    config
      .names()
      .filter(({ sealed }) => sealed)
      .map(({ name }) => name),
  ).toEqual(sealedNames)
  expect(config.secret('api_key')?.reveal()).toBe(values.api_key)
  expect(config.get('encrypted_api_key', 'none')).toBe('none')
  for (const source of [key, fernetKey, `${fernetKey}\n`]) {
    const imported = importFernet(path, source)
    expect(Object.fromEntries(imported.map(({ name, value }) => [name, value]))).toEqual(values)
    expect(
      imported
        .filter(({ sealed }) => sealed)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(sealedNames)
  }
})

test('it is read only here, and every way of writing says what converts it', async () => {
  const { path, key } = place()
  const config = await openConfig(path, { keys: [key] })
  for (const write of [() => config.set('a', 1), () => config.delete('port'), () => config.update(() => {})]) {
    await expect(write()).rejects.toThrow(failsWith('ERR_CONFIG_LEGACY', 'invalid'))
    await expect(write()).rejects.toThrow('portcullis secrets migrate')
  }
  expect(readFileSync(path, 'utf8')).toBe(text)
})

test('the key decides: neither opens what is of the other', async () => {
  const ours = join(freshFolder(), 'ours.json')
  const raw = keys.raw(randomBytes(32))
  await createConfig(ours, { keys: [raw] })
  const { path, key } = place()
  expect(() => openConfigSync(ours, { keys: [key] })).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  expect(() => importFernet(ours, fernetKey)).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  expect(() => openConfigSync(path, { keys: [raw] })).toThrow(failsWith('ERR_CONFIG_MALFORMED'))
  expect(() => openConfigSync(path, { keys: [raw, key] })).toThrow(failsWith('ERR_CONFIG_KEY'))
  expect(() => importFernet(path, raw)).toThrow(failsWith('ERR_CONFIG_KEY'))
  expect(() => importFernet(path, generateKey())).toThrow(failsWith('ERR_CONFIG_KEY'))
  expect(() => importFernet(path, keys.env('PORTCULLIS_TEST_ABSENT'))).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  expect(() => openConfigSync(path, { keys: [key], minRev: 1 })).toThrow(failsWith('ERR_CONFIG_ROLLBACK'))
})

test('what was changed, is of another key, or may be read in two ways is refused', async () => {
  const file = JSON.parse(text) as Record<string, unknown>
  const changed = String(file['encrypted_api_key']).replace(/.(?===$)/, 'A')
  const bad: [string, string][] = [
    ['ERR_CONFIG_INTEGRITY', JSON.stringify({ ...file, encrypted_api_key: changed })],
    ['ERR_CONFIG_INTEGRITY', JSON.stringify({ ...file, encrypted_api_key: 'hunter2' })],
    ['ERR_CONFIG_INTEGRITY', JSON.stringify({ ...file, encrypted_api_key: 5 })],
    ['ERR_CONFIG_MALFORMED', JSON.stringify({ ...file, api_key: 'behind' })],
    ['ERR_CONFIG_MALFORMED', text.replace('"port": 8080', '"port": 8080, "port": 1')],
    ['ERR_CONFIG_MALFORMED', text.replace('8080', 'NaN')],
    ['ERR_CONFIG_MALFORMED', text.slice(0, -3)],
    ['ERR_CONFIG_MALFORMED', '[]'],
  ]
  for (const [code, content] of bad) {
    const { path, key } = place(content)
    const failure = await failureOf(() => openConfigSync(path, { keys: [key] }))
    expect(failure).toEqual(failsWith(code))
    expect(inspect(failure, { depth: 9 })).not.toMatch(/hunter2|gAAAA/)
    expect(await failureOf(() => importFernet(path, key))).toEqual(failsWith(code))
  }
  const { path, key } = place(text, Buffer.alloc(32, 7).toString('base64url') + '=')
  expect(() => openConfigSync(path, { keys: [key] })).toThrow(failsWith('ERR_CONFIG_INTEGRITY'))
})
