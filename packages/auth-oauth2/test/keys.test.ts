import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { type KeySet, readKeySet } from '../src/token/keys.ts'
import { base64url, ec, ed, jwkOf, rsa } from './local-issuer.ts'

const none: KeySet = new Map()
const read = (...keys: unknown[]) => [...readKeySet({ keys }, none).values()]

test('what kind a key is decides what it verifies; a stated alg narrows it', () => {
  const algorithms = (...keys: unknown[]) => read(...keys).map((key) => key.algorithms)
  expect(algorithms(jwkOf(ec.publicKey, {}))).toEqual([['ES256']])
  expect(algorithms(jwkOf(rsa.publicKey, {}))).toEqual([['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']])
  expect(algorithms(jwkOf(rsa.publicKey, { alg: 'PS384' }))).toEqual([['PS384']])
  expect(algorithms(jwkOf(ed.publicKey, { alg: 'Ed25519' }))).toEqual([['EdDSA', 'Ed25519']])
  for (const alg of ['RS256', 'ES384', 'HS256', 'none', 'ECDH-ES'])
    expect(algorithms(jwkOf(ec.publicKey, { alg }))).toEqual([[]])
})

test('keys that must not verify are left out', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const n = jwkOf(rsa.publicKey, {})['n'] as string
  const padded = base64url(Buffer.concat([Buffer.alloc(128), Buffer.from(jwkOf(weak, {})['n'] as string, 'base64url')]))
  for (const key of [
    jwkOf(ec.publicKey, { use: 'enc' }),
    jwkOf(ec.publicKey, { key_ops: ['encrypt'] }),
    jwkOf(ec.publicKey, { key_ops: 'verify' }),
    jwkOf(ec.publicKey, { alg: 7 }),
    jwkOf(ec.publicKey, { kid: 7 }),
    jwkOf(ec.publicKey, { kid: 'x'.repeat(257) }),
    jwkOf(ec.publicKey, { kty: 'OCT' }),
    { ...jwkOf(ec.publicKey, {}), y: undefined },
    jwkOf(weak, {}),
    { kty: 'RSA', n: padded, e: 'AQAB' },
    ...['AQ', 'Aw', 'AQAA', '', 'AQABAQABAQAB', 7].map((e) => ({ kty: 'RSA', n, e })),
    { kty: 'RSA', n: 'A'.repeat(3000), e: 'AQAB' },
    { kty: 'oct', k: 'c2VjcmV0' },
    { kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA' },
    { kty: 'OKP', crv: 'X25519', x: 'AA' },
    { kty: 'OKP', crv: 'P-256', x: 'AA', y: 'AA' },
    { kty: '__proto__', crv: 'x', x: 'AA' },
    null,
    'key',
  ]) {
    expect(read(key)).toEqual([])
  }
  expect(read(jwkOf(ec.publicKey, { use: 'sig', key_ops: ['verify'] }))).toHaveLength(1)
})

test('a set that is none or too large is an error', () => {
  for (const keys of [undefined, {}, 'x', null]) expect(() => readKeySet({ keys }, none)).toThrow(/no array/)
  expect(() => readKeySet({ keys: Array.from({ length: 101 }, () => ({})) }, none)).toThrow(/over 100/)
  expect(readKeySet({ keys: [] }, none).size).toBe(0)
})

test('a key that stays is the same object; one that goes is told so; private parts are not used', () => {
  const before = readKeySet({ keys: [jwkOf(ec.privateKey, { kid: 'a' }), jwkOf(ed.publicKey, { kid: 'b' })] }, none)
  const [first, second] = [...before.values()]
  const after = readKeySet(
    { keys: [jwkOf(ec.publicKey, { kid: 'a', 'x-new': 1 }), jwkOf(ed.publicKey, { kid: 'c' })] },
    before,
  )
  expect([...after.values()][0]).toBe(first)
  expect([first?.inUse, second?.inUse]).toEqual([true, false])
  expect(first?.publicKey?.type).toBe('public')
  expect(first?.publicKey).toBe(first?.publicKey)
  const [broken] = readKeySet({ keys: [{ ...jwkOf(ec.publicKey, {}), x: 'A'.repeat(43) }] }, none).values()
  expect(broken?.publicKey).toBeUndefined()
})
