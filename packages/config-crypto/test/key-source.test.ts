import { createSecretKey, randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { kidOf } from '../src/crypto/derive.ts'
import { createConfig, generateKey, keys, openConfig, openConfigSync } from '../src/index.ts'
import { failsWith, failureOf, freshFolder, put } from './scratch.ts'

const fernetKey = 'bOx8OO5BxUzL7Ep0S1uNvauPDclOhV4yjBaXOBcpI8E='
const variable = 'PORTCULLIS_TEST_CONFIG_KEY'
afterEach(() => {
  delete process.env[variable]
})

test('a key file is made where it is absent, for its owner alone, and opens what it made', async () => {
  const folder = freshFolder()
  const [path, key] = [join(folder, 'c.json'), join(folder, 'encryption.key')]
  const config = await createConfig(path, { keys: [keys.file(key)] })
  await config.set('a', 1)
  expect(readFileSync(key, 'utf8')).toMatch(/^pconf1_[0-9a-f]{16}_[0-9a-f]{64}\n$/)
  expect([statSync(key).mode & 0o777, statSync(path).mode & 0o777]).toEqual([0o600, 0o600])
  expect((await openConfig(path, { keys: [keys.file(key)] })).get('a')).toBe(1)
  expect(readFileSync(path, 'utf8')).not.toContain(readFileSync(key, 'utf8').slice(24, 40))
})

test('a key file that is there is used as it is, by several files and several makers at once', async () => {
  const folder = freshFolder()
  const key = put(join(folder, 'k'), `${generateKey()}\r\n`)
  const before = readFileSync(key, 'utf8')
  await createConfig(join(folder, 'a.json'), { keys: [keys.file(key)] })
  expect(readFileSync(key, 'utf8')).toBe(before)
  const shared = join(folder, 'shared.key')
  const paths = ['1', '2', '3', '4'].map((name) => join(folder, `${name}.json`))
  await Promise.all(paths.map((path) => createConfig(path, { keys: [keys.file(shared)] })))
  for (const path of paths) expect(openConfigSync(path, { keys: [keys.file(shared)] }).rev).toBe(1)
})

test('generated keys differ, carry a check, and name themselves in the file', async () => {
  const folder = freshFolder()
  const text = generateKey()
  expect(generateKey()).not.toBe(text)
  const [, kid = '', secret = ''] = text.split('_')
  expect(kidOf(createSecretKey(Buffer.from(secret, 'hex')))).toBe(kid)
  process.env[variable] = text
  await createConfig(join(folder, 'c.json'), { keys: [keys.env(variable)] })
  expect(readFileSync(join(folder, 'c.json'), 'utf8')).toContain(`"kid":"${kid}"`)
  expect(openConfigSync(join(folder, 'c.json'), { keys: [keys.raw(Buffer.from(secret, 'hex'))] }).rev).toBe(1)
})

test('any one of several keys opens a file; those that are absent are passed over', async () => {
  const folder = freshFolder()
  const path = join(folder, 'c.json')
  const [a, b] = [randomBytes(32), randomBytes(32)]
  await createConfig(path, { keys: [keys.raw(a), keys.raw(b, 'backup'), keys.file(join(folder, 'k'))] })
  const absent = [keys.file(join(folder, 'none')), keys.env(variable)]
  expect(openConfigSync(path, { keys: [...absent, keys.raw(b, 'backup')] }).rev).toBe(1)
  expect(openConfigSync(path, { keys: [keys.raw(randomBytes(32)), keys.raw(a)] }).rev).toBe(1)
  const failure = await failureOf(() => openConfigSync(path, { keys: absent }))
  expect(failure).toEqual(failsWith('ERR_CONFIG_NO_KEY', 'invalid'))
  expect(String(failure)).toContain(`env:${variable}`)
  expect(String(failure)).toContain('backup')
})

test('text that is no key, and a key that was mistyped, are refused and not repeated', async () => {
  const folder = freshFolder()
  await createConfig(join(folder, 'c.json'), { keys: [keys.raw(randomBytes(32))] })
  const good = generateKey()
  const mistyped = good.slice(0, -1) + (good.endsWith('0') ? '1' : '0')
  for (const text of [
    'hunter2',
    mistyped,
    good.slice(0, -1),
    `${good}\n\n`,
    ` ${good}`,
    good.toUpperCase(),
    `${good}\n${good}\n`,
    'A'.repeat(44),
    'A'.repeat(43),
    `${'A'.repeat(42)}B=`,
    `${'+'.repeat(43)}=`,
    randomBytes(32).toString('hex'),
    'x'.repeat(5000),
  ]) {
    process.env[variable] = text
    const sources = [keys.env(variable), keys.file(put(join(folder, 'k'), text))]
    for (const source of sources) {
      const failure = await failureOf(() => openConfigSync(join(folder, 'c.json'), { keys: [source] }))
      expect(failure).toEqual(failsWith('ERR_CONFIG_KEY', 'invalid'))
      expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(text.slice(0, 30))
    }
  }
  put(join(folder, 'k'), Buffer.from([0xff, 0xfe]))
  expect(() => openConfigSync(join(folder, 'c.json'), { keys: [keys.file(join(folder, 'k'))] })).toThrow(
    failsWith('ERR_CONFIG_KEY'),
  )
})

test('a key that others can read, write or exchange is refused with what mends it', async () => {
  const folder = freshFolder()
  const path = join(folder, 'c.json')
  const key = join(folder, 'k')
  await createConfig(path, { keys: [keys.file(key)] })
  const open = () => openConfigSync(path, { keys: [keys.file(key)] })
  for (const mode of [0o644, 0o640, 0o604, 0o620, 0o602, 0o666]) {
    chmodSync(key, mode)
    expect(open).toThrow(failsWith('ERR_CONFIG_KEY', 'invalid'))
    expect(open).toThrow(`chmod 600 ${key}`)
  }
  chmodSync(key, 0o600)
  chmodSync(folder, 0o770)
  expect(open).toThrow(`chmod go-w ${folder}`)
  chmodSync(folder, 0o1777)
  expect(open().rev).toBe(1)
  chmodSync(folder, 0o700)
  const link = join(folder, 'link')
  symlinkSync(key, link)
  expect(() => openConfigSync(path, { keys: [keys.file(link)] })).toThrow('symbolic link')
  mkdirSync(join(folder, 'dir'))
  expect(() => openConfigSync(path, { keys: [keys.file(join(folder, 'dir'))] })).toThrow(failsWith('ERR_CONFIG_READ'))
  if (process.getuid?.() === 0) {
    chownSync(key, 12345, 12345)
    expect(open).toThrow(`chown 0 ${key} && chmod 600 ${key}`)
  }
})

test('a new file is not made with a key that is unsafe, absent, given twice, or of the other kind', async () => {
  const folder = freshFolder()
  const path = join(folder, 'c.json')
  const make = (...sources: Parameters<typeof createConfig>[1]['keys'][number][]) =>
    createConfig(path, { keys: sources as unknown as Parameters<typeof createConfig>[1]['keys'] })
  const raw = randomBytes(32)
  await expect(make(keys.env('PORTCULLIS_TEST_ABSENT'))).rejects.toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  await expect(make(keys.file(put(join(folder, 'a'), generateKey(), 0o644)))).rejects.toThrow(
    failsWith('ERR_CONFIG_KEY'),
  )
  await expect(make(keys.file(put(join(folder, 'b'), fernetKey)))).rejects.toThrow(failsWith('ERR_CONFIG_KEY'))
  await expect(make(keys.raw(raw), keys.raw(raw))).rejects.toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  await expect(make()).rejects.toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  await expect(make({ source: 'raw' })).rejects.toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  expect(existsSync(path)).toBe(false)
})

test('parse takes file: and env:, relative to the folder given, and nothing else', () => {
  expect(keys.parse('file:encryption.key', { dir: '/etc/x' })).toEqual({ source: 'file:/etc/x/encryption.key' })
  expect(keys.parse('file:/abs/key', { dir: '/etc/x' })).toEqual({ source: 'file:/abs/key' })
  expect(keys.parse('env:APP_KEY', { dir: '/' })).toEqual({ source: 'env:APP_KEY' })
  const secret = generateKey()
  for (const text of [
    '',
    'file:',
    'env:',
    'env:A B',
    'env:1X',
    'encryption.key',
    'FILE:x',
    'kms:x',
    secret,
    'file',
    'fd:-1',
    'fd:2',
    'fd:x',
    'cmd:op',
    'cmd:[]',
    'cmd:[1]',
    'keychain:x',
    'credential:..',
    'credential:a/b',
    'passphrase:',
    'passphrase:kms:x',
    'passphrase:passphrase:env:X',
  ]) {
    expect(() => keys.parse(text, { dir: '/' })).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  }
  expect(() => keys.parse(secret, { dir: '/' })).not.toThrow(secret.slice(10, 30))
  expect(() => keys.parse('file:x', { dir: '/', more: 1 } as never)).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  expect(() => keys.file('a\0b')).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  expect(() => keys.raw(randomBytes(31))).toThrow(failsWith('ERR_CONFIG_KEY'))
  expect(() => keys.raw(randomBytes(32), 'a b')).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
})
