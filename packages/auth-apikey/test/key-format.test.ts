import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { base62Of32Bits, randomBase62 } from '../src/base62.ts'
import { createApiKeys, formatKey, memoryStore, parseKey } from '../src/index.ts'

const parts = { prefix: 'msk', env: 'test', id: '7Kq2mZ0aPx9L', secret: 'EXAMPLE'.repeat(7).slice(0, 41) + '02' }

test('the layout is prefix, env, id, secret and a CRC-32 in base62', () => {
  const key = formatKey(parts)
  expect(key.slice(0, -6)).toBe(`msk_test_${parts.id}${parts.secret}`)
  expect(key).toHaveLength(70)
  expect(parseKey(key)).toEqual({ prefix: 'msk', env: 'test', id: parts.id })
})

test('the published example key and the CRC check value hold', () => {
  expect(parseKey('msk_test_7Kq2mZ0aPx9LEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE02skmOs')).toEqual({
    prefix: 'msk',
    env: 'test',
    id: '7Kq2mZ0aPx9L',
  })
  expect(base62Of32Bits(0xcbf43926)).toBe('3jZRME')
  expect(base62Of32Bits(0)).toBe('000000')
  expect(base62Of32Bits(0xffffffff)).toBe('4gfFC3')
})

test('parts are found from the end, so a prefix may hold an underscore', () => {
  expect(parseKey(formatKey({ ...parts, prefix: 'my_org' }))).toMatchObject({ prefix: 'my_org', env: 'test' })
})

test('what is not a key is not parsed, whatever it is', () => {
  const key = formatKey(parts)
  const texts: unknown[] = [
    '',
    'pck',
    key.slice(1),
    key.slice(0, -1),
    `${key}0`,
    ` ${key}`,
    `${key}\n`,
    key.toUpperCase(),
    key.replace('_', '-'),
    formatKey({ ...parts, prefix: 'M' }),
    formatKey({ ...parts, prefix: '_m' }),
    formatKey({ ...parts, env: 'LIVE' }),
    formatKey({ ...parts, env: '' }),
    formatKey({ ...parts, prefix: 'a'.repeat(17) }),
    `${'a_'.repeat(50_000)}${key}`,
    undefined,
    null,
    7,
    [key],
  ]
  for (const text of texts) expect(parseKey(text as string)).toBeUndefined()
})

test('a key of any prefix and env is key-shaped; a broken or foreign one is not', () => {
  for (const other of [{}, { prefix: 'pck' }, { prefix: 'my_org', env: 'live' }, { prefix: 'ab', env: 'a' }]) {
    const key = formatKey({ ...parts, ...other })
    expect(parseKey(key)).toBeDefined()
    expect(parseKey(key.slice(0, -6) + (key.endsWith('000000') ? '000001' : '000000'))).toBeUndefined()
    for (const text of [key.slice(1), key.slice(0, -1), `${key}0`, ` ${key}`, `${key}\n`, key.replace('_', '-')]) {
      expect(parseKey(text)).toBeUndefined()
    }
  }
  const strange = [
    '',
    'a-plain-secret',
    'x'.repeat(1_000_000),
    `${'a_'.repeat(50_000)}${formatKey(parts)}`,
    undefined,
    null,
    7,
  ]
  for (const text of [...strange, { length: 70 }, [formatKey(parts)]]) expect(parseKey(text as string)).toBeUndefined()
})

test('characters are drawn evenly: bytes from 248 on are thrown away', () => {
  const bytes = [247, 248, 255, 0, 61, 62, 124]
  let calls = 0
  const random = (size: number) => {
    calls++
    return Uint8Array.from({ length: size }, (_, n) => bytes[n % bytes.length] ?? 0)
  }
  expect(randomBase62(7, random)).toBe('z0z00z0')
  expect(randomBase62(12, () => new Uint8Array([255, 5]))).toBe('555555555555')
  expect(calls).toBeGreaterThan(0)
})

test('the scanner pattern finds new keys and nothing shorter', async () => {
  const toml = readFileSync(new URL('../scanner/gitleaks.toml', import.meta.url), 'utf8')
  const pattern = new RegExp(/^regex = '''(.*)'''$/m.exec(toml)?.[1] ?? '', 'g')
  const { key } = await createApiKeys({ store: memoryStore() }).create({ name: 'ci', grants: [] })
  const other = await createApiKeys({ store: memoryStore(), env: 'staging' }).create({ name: 'ci', grants: [] })
  const text = `KEY="${key}"\nold=${key.slice(0, -1)} x=${other.key};`
  expect(text.match(pattern)).toEqual([key, other.key])
})

test('a foreign key that ends as ours do is found, whatever stands before', async () => {
  const keys = createApiKeys({ store: memoryStore() })
  const whole = formatKey({ prefix: 'pck', env: 'live', id: 'abcdefghijkl', secret: 'A'.repeat(43) })
  const code = whole.slice(9, -6)
  for (const [i, head] of ['ODD-HEAD_', '__', 'x_y_z_9_', 'no underscore before '].entries()) {
    const text = `${head.replaceAll(' ', '-')}${code.slice(0, 11)}${i}${code.slice(12)}`
    const key = `${text}${base62Of32Bits(crc32(text))}`
    await keys.importPlain({ name: `n${i}`, key, grants: [] })
    expect(keys.verify(key)).toMatchObject({ ok: true })
    expect(keys.verify(`X${key}`)).toMatchObject({ ok: false })
  }
})
