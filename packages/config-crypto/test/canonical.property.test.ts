import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeCanonical } from '../src/format/canonical.ts'
import { parseStrictJson } from '../src/format/strict-json.ts'
import type { JsonValue } from '../src/types.ts'

const json = fc
  .jsonValue({ stringUnit: 'binary', maxDepth: 4 })
  .filter((value) => !JSON.stringify(value).includes('__proto__')) as fc.Arbitrary<JsonValue>
const normal = (value: JsonValue): JsonValue => parseStrictJson(JSON.stringify(value))

const reversed = (value: JsonValue): JsonValue => {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(reversed)
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, member]) => [name, reversed(member)]),
  )
}

test('a value has one encoding, whatever the order of its members', () => {
  fc.assert(
    fc.property(json, (value) => {
      const bytes = encodeCanonical(normal(value))
      expect(encodeCanonical(value)).toBe(bytes)
      expect(encodeCanonical(reversed(value))).toBe(bytes)
    }),
    { numRuns: 200 },
  )
})

test('two values have two encodings', () => {
  fc.assert(
    fc.property(json, json, (a, b) => {
      const same = JSON.stringify(reversed(reversed(normal(a)))) === JSON.stringify(reversed(reversed(normal(b))))
      fc.pre(!same)
      // Members in another order are the same value, and are told from different ones by comparing deeply.
      let equal = true
      try {
        expect(normal(a)).toEqual(normal(b))
      } catch {
        equal = false
      }
      expect(encodeCanonical(normal(a)) === encodeCanonical(normal(b))).toBe(equal)
    }),
    { numRuns: 200 },
  )
})

test('no two of these look alike: types, boundaries, nesting, nothing and null', () => {
  const values: JsonValue[] = [
    null,
    false,
    true,
    0,
    1,
    '',
    '0',
    'null',
    [],
    {},
    [[]],
    [null],
    [[], []],
    [[[]]],
    ['ab', 'c'],
    ['a', 'bc'],
    ['abc'],
    { a: null },
    { a: { b: 1 } },
    { 'a/b': 1 },
    { a: 1, b: 2 },
    { a: 2, b: 1 },
    { ab: 1 },
    [1, 2],
    [2, 1],
    ['s', 's'],
    's\u0000\u0000\u0000\u0001s',
  ]
  const encodings = values.map((value) => encodeCanonical(value))
  expect(new Set(encodings).size).toBe(values.length)
})

test('members are ordered by their UTF-8, not by UTF-16', () => {
  const bytes = Buffer.from(encodeCanonical({ '😀': 1, '\uffff': 2 }), 'latin1').toString('hex')
  expect(bytes.indexOf(Buffer.from('\uffff').toString('hex'))).toBeLessThan(
    bytes.indexOf(Buffer.from('😀').toString('hex')),
  )
})

test('it is these bytes', () => {
  const value = { b: [1, -0, null, true, false], a: 'é', '': {} }
  const number = (hex: string) => `64${hex}`
  const text = (utf8: string) => {
    const bytes = Buffer.from(utf8)
    return `73${bytes.length.toString(16).padStart(8, '0')}${bytes.toString('hex')}`
  }
  const list = `6100000005${number('3ff0000000000000')}${number('0000000000000000')}6e7466`
  const expected = `6f00000003${text('')}6f00000000${text('a')}${text('é')}${text('b')}${list}`
  expect(Buffer.from(encodeCanonical(value), 'latin1').toString('hex')).toBe(expected)
  const long = 'x'.repeat(70_000)
  expect(encodeCanonical(long).slice(0, 5)).toBe('s\u0000\u0001\u0011\u0070')
})
