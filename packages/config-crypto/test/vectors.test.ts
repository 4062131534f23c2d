import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync } from 'node:crypto'
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
