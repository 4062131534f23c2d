import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createApiKeys, formatKey, memoryStore, parseKey } from '../src/index.ts'

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const word = (alphabet: string, minLength: number, maxLength = minLength) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength })

test('what is formatted is parsed back', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z][a-z0-9_]{0,14}[a-z0-9]$/),
      word('abcxyz', 1, 16),
      word(base62, 12),
      word(base62, 43),
      (prefix, env, id, secret) => {
        expect(parseKey(formatKey({ prefix, env, id, secret }))).toEqual({ prefix, env, id })
      },
    ),
    { numRuns: 300 },
  )
})

test('a key with one character changed, added, removed or exchanged is malformed or unknown', async () => {
  const keys = createApiKeys({ store: memoryStore() })
  const { key } = await keys.create({ name: 'ci', grants: ['*'] })
  const edit = fc.record({
    kind: fc.constantFrom('set', 'insert', 'delete', 'exchange'),
    at: fc.nat(key.length - 1),
    character: fc.oneof(fc.constantFrom(...base62, '_'), fc.string({ minLength: 1, maxLength: 1 })),
  })
  fc.assert(
    fc.property(edit, ({ kind, at, character }) => {
      const [before, here, after] = [key.slice(0, at), key.charAt(at), key.slice(at + 1)]
      const changed = {
        set: before + character + after,
        insert: before + character + here + after,
        delete: before + after,
        exchange: before + after.charAt(0) + here + after.slice(1),
      }[kind]
      const result = keys.verify(changed)
      if (result instanceof Promise) throw new Error('the memory store answers at once')
      expect(result.ok).toBe(changed === key)
      if (!result.ok) expect(['malformed', 'unknown']).toContain(result.reason)
    }),
    { numRuns: 1000 },
  )
})

test('no text makes verify throw, and none is accepted', () => {
  const keys = createApiKeys({ store: memoryStore() })
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 2000 }), fc.anything())
  fc.assert(
    fc.property(text, (value) => {
      expect(keys.verify(value as string)).toMatchObject({ ok: false })
      expect(keys.looksLikeKey(value as string)).toBe(false)
    }),
    { numRuns: 500 },
  )
})
