import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  pbkdf2Sync,
  scryptSync,
} from 'node:crypto'
import { expect, test } from 'vitest'
import { sameMac } from '../src/crypto/vault.ts'
import { vectorsFrom } from './scratch.ts'

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

test('scrypt of this Node agrees with RFC 7914, and PBKDF2, which it is built on, with Wycheproof', () => {
  const known = [
    [
      '',
      '',
      16,
      1,
      1,
      '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906',
    ],
    [
      'password',
      'NaCl',
      1024,
      8,
      16,
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    ],
    [
      'pleaseletmein',
      'SodiumChloride',
      16384,
      8,
      1,
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
    ],
  ] as const
  for (const [password, salt, N, r, p, expected] of known) {
    expect(scryptSync(password, salt, 64, { N, r, p, maxmem: 256 * N * r }).toString('hex')).toBe(expected)
  }
  type Test = { password: string; salt: string; iterationCount: number; dkLen: number; dk: string }
  const file = vectorsFrom<{ testGroups: Group<Test>[] }>('wycheproof/pbkdf2_hmacsha256_test.json')
  const tests = file?.testGroups.flatMap((group) => group.tests) ?? []
  for (const { password, salt, iterationCount, dkLen, dk, result } of tests) {
    const derived = pbkdf2Sync(hex(password), hex(salt), iterationCount, dkLen, 'sha256').toString('hex')
    expect(derived === dk).toBe(result !== 'invalid')
  }
  expect(file === undefined || tests.length > 50).toBe(true)
})
