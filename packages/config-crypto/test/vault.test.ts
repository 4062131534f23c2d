import { createSecretKey, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { kidOf } from '../src/crypto/derive.ts'
import { sameMac, Vault } from '../src/crypto/vault.ts'
import { newDataKey, unwrapDataKey, wrapDataKey } from '../src/crypto/wrap.ts'
import { SealedLeaf } from '../src/format/leaf.ts'
import { failsWith } from './scratch.ts'

const id = randomBytes(16)
const dataKey = newDataKey(randomBytes)
const vault = new Vault(dataKey, id)
const day = '2026-11-22'

const openAs = (by: Vault, pointer: string, setOn: string, payload: string) => () =>
  by.open(new SealedLeaf(by, pointer, setOn, payload))
const refused = failsWith('ERR_CONFIG_INTEGRITY', 'invalid')

test('a value opens under its own key, file, place and day, and nowhere else', () => {
  const { payload, text } = vault.seal('/a', day, { x: [1, 'é'] })
  expect(text).toBe(`enc:v1:2026-11-22:${payload}`)
  expect(openAs(vault, '/a', day, payload)()).toEqual({ x: [1, 'é'] })
  expect(vault.seal('/a', day, { x: [1, 'é'] }).payload).not.toBe(payload)
  expect(openAs(vault, '/b', day, payload)).toThrow(refused)
  expect(openAs(vault, '/a', '2026-11-23', payload)).toThrow(refused)
  expect(openAs(new Vault(dataKey, randomBytes(16)), '/a', day, payload)).toThrow(refused)
  expect(openAs(new Vault(newDataKey(randomBytes), id), '/a', day, payload)).toThrow(refused)
  const bytes = Buffer.from(payload, 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(openAs(vault, '/a', day, changed.toString('base64url'))).toThrow(refused)
    expect(openAs(vault, '/a', day, bytes.subarray(0, at).toString('base64url'))).toThrow(refused)
  }
  for (const other of ['', '=', `${payload}=`, `${payload}A`, ` ${payload}`, payload.replace(/.$/, '+')]) {
    expect(openAs(vault, '/a', day, other)).toThrow(refused)
  }
})

test('a ciphertext shows the length of its value in steps only', () => {
  const lengths = (from: number, to: number) =>
    new Set(
      Array.from(
        { length: to - from + 1 },
        (_, i) => Buffer.from(vault.seal('/a', day, 'x'.repeat(from + i)).payload, 'base64url').length - 28,
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
  const wrapped = wrapDataKey(context, dataKey, randomBytes)
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
