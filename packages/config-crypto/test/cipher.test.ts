import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  deriveFileKeys,
  kidOf,
  newDataKey,
  openValue,
  sameMac,
  sealValue,
  unwrapDataKey,
  wrapDataKey,
} from '../src/cipher.ts'
import { vectorsFrom } from './scratch.ts'

const id = randomBytes(16)
const dataKey = newDataKey()
const keys = deriveFileKeys(dataKey, id)

test('a value opens under its own key, file and name, and nowhere else', () => {
  const text = sealValue(keys, id, 'a', { x: [1, 'é'] })
  expect(JSON.parse(openValue(keys, id, 'a', text) ?? '')).toEqual({ x: [1, 'é'] })
  expect(sealValue(keys, id, 'a', { x: [1, 'é'] })).not.toBe(text)
  expect(openValue(keys, id, 'b', text)).toBeUndefined()
  expect(openValue(keys, randomBytes(16), 'a', text)).toBeUndefined()
  expect(openValue(deriveFileKeys(newDataKey(), id), id, 'a', text)).toBeUndefined()
  expect(openValue(deriveFileKeys(dataKey, randomBytes(16)), id, 'a', text)).toBeUndefined()
  const bytes = Buffer.from(text, 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(openValue(keys, id, 'a', changed.toString('base64url'))).toBeUndefined()
    expect(openValue(keys, id, 'a', bytes.subarray(0, at).toString('base64url'))).toBeUndefined()
  }
  for (const other of ['', '=', `${text}=`, `${text}A`, ` ${text}`, text.replace(/.$/, '+')]) {
    expect(openValue(keys, id, 'a', other)).toBeUndefined()
  }
})

test('a ciphertext shows the length of its value in steps only', () => {
  const lengths = (from: number, to: number) =>
    new Set(
      Array.from(
        { length: to - from + 1 },
        (_, i) => Buffer.from(sealValue(keys, id, 'a', 'x'.repeat(from + i)), 'base64url').length - 28,
      ),
    )
  expect([...lengths(0, 30)]).toEqual([32])
  expect([...lengths(31, 62)]).toEqual([64])
  expect([...lengths(511, 1022)]).toEqual([1024])
  expect([...lengths(1023, 2046)]).toEqual([2048])
  expect([...lengths(2047, 2050)]).toEqual([3072])
})

test('a data key is unwrapped by its key, file and kid, and by no other', () => {
  const kek = createSecretKey(randomBytes(32))
  const context = { kek, kid: kidOf(kek), id }
  const wrapped = wrapDataKey(context, dataKey)
  expect(unwrapDataKey(context, wrapped)?.equals(dataKey)).toBe(true)
  expect(unwrapDataKey({ ...context, kid: 'other' }, wrapped)).toBeUndefined()
  expect(unwrapDataKey({ ...context, id: randomBytes(16) }, wrapped)).toBeUndefined()
  expect(unwrapDataKey({ ...context, kek: createSecretKey(randomBytes(32)) }, wrapped)).toBeUndefined()
  expect(unwrapDataKey(context, wrapped.slice(0, -4))).toBeUndefined()
})

test('MACs of different lengths are no error, and not the same', () => {
  expect(sameMac(Buffer.alloc(32), Buffer.alloc(31))).toBe(false)
  expect(sameMac(Buffer.alloc(32), Buffer.alloc(32))).toBe(true)
})

interface Group<T> {
  readonly keySize?: number
  readonly ivSize?: number
  readonly tagSize?: number
  readonly tests: readonly (T & { readonly tcId: number; readonly result: 'valid' | 'invalid' | 'acceptable' })[]
}
const hex = (text: string): Buffer => Buffer.from(text, 'hex')

test('AES-256-GCM of this Node, with 96-bit nonces as used here, agrees with Wycheproof', () => {
  type Test = { key: string; iv: string; aad: string; msg: string; ct: string; tag: string }
  const file = vectorsFrom<{ testGroups: Group<Test>[] }>('wycheproof/aes_gcm_test.json')
  if (!file) return
  const groups = file.testGroups.filter(
    (group) => group.keySize === 256 && group.ivSize === 96 && group.tagSize === 128,
  )
  const tests = groups.flatMap((group) => group.tests)
  expect(tests.length).toBeGreaterThan(30)
  for (const { key, iv, aad, msg, ct, tag, result } of tests) {
    const decipher = createDecipheriv('aes-256-gcm', createSecretKey(hex(key)), hex(iv), { authTagLength: 16 })
    decipher.setAAD(hex(aad)).setAuthTag(hex(tag))
    const open = () => Buffer.concat([decipher.update(hex(ct)), decipher.final()]).toString('hex')
    if (result === 'invalid') {
      expect(open).toThrow()
      continue
    }
    expect(open()).toBe(msg)
    const cipher = createCipheriv('aes-256-gcm', createSecretKey(hex(key)), hex(iv), { authTagLength: 16 })
    cipher.setAAD(hex(aad))
    expect(Buffer.concat([cipher.update(hex(msg)), cipher.final(), cipher.getAuthTag()]).toString('hex')).toBe(ct + tag)
  }
})

test('HKDF-SHA-256 and HMAC-SHA-256 of this Node agree with Wycheproof', () => {
  type Hkdf = { ikm: string; salt: string; info: string; size: number; okm: string }
  const hkdf = vectorsFrom<{ testGroups: Group<Hkdf>[] }>('wycheproof/hkdf_sha256_test.json')
  for (const { ikm, salt, info, size, okm, result } of hkdf?.testGroups.flatMap((group) => group.tests) ?? []) {
    const derive = () => Buffer.from(hkdfSync('sha256', createSecretKey(hex(ikm)), hex(salt), hex(info), size))
    if (result === 'invalid') expect(derive).toThrow()
    else expect(derive().toString('hex')).toBe(okm)
  }
  type Hmac = { key: string; msg: string; tag: string }
  const hmac = vectorsFrom<{ testGroups: Group<Hmac>[] }>('wycheproof/hmac_sha256_test.json')
  for (const { tests, tagSize } of hmac?.testGroups ?? []) {
    for (const { key, msg, tag, result } of tests) {
      const mac = createHmac('sha256', createSecretKey(hex(key)))
        .update(hex(msg))
        .digest()
      expect(sameMac(mac.subarray(0, (tagSize ?? 256) / 8), hex(tag))).toBe(result === 'valid')
    }
  }
  expect(hkdf === undefined || hkdf.testGroups.length > 1).toBe(true)
})
