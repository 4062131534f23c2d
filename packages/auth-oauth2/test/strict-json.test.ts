import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseStrictObject } from '../src/token/strict-json.ts'

const parse = (text: string | Uint8Array) => parseStrictObject(Buffer.from(text as string))

test('an object is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
      const text = JSON.stringify(value)
      expect(parse(text)).toEqual(JSON.parse(text))
      expect(parse(JSON.stringify(value, null, 2))).toEqual(JSON.parse(text))
    }),
    { numRuns: 300 },
  )
})

test('a repeated member is found wherever it is and however it is written', () => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"x":[{"a":1 , "a" : 2}]}',
    '{"a":{"a":1},"b":{"a":1},"a":2}',
    '{"\\"":1,"\\u0022":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"":1,"":2}',
    '{"a\\\\":1,"a\\\\":2}',
  ]) {
    expect(parse(text)).toBeUndefined()
  }
  for (const text of [
    '{"a":"a","b":["a","a"]}',
    '{"a":{"a":{"a":1}}}',
    '{"a":"\\"a\\":","b":":"}',
    '{"a\\\\":1,"a":2}',
    '{}',
  ]) {
    expect(parse(text)).toEqual(JSON.parse(text))
  }
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', '"', '\\', ':', '{'), { maxLength: 5 }), (names) => {
      const text = `{${names.map((name) => `${JSON.stringify(name)}:{"z":":"}`).join(',')}}`
      expect(parse(text) === undefined).toBe(new Set(names).size < names.length)
    }),
    { numRuns: 300 },
  )
})

test('anything else is no object', () => {
  for (const text of [
    '',
    'null',
    '[]',
    '1',
    '"a"',
    '{',
    '{"a":1}}',
    '{"a":1} x',
    '\ufeff{}',
    '{a:1}',
    "{'a':1}",
    '{"a":NaN}',
    '{"a":1,}',
  ]) {
    expect(parse(text)).toBeUndefined()
  }
  expect(parse(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBeUndefined()
  const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
  expect(parse(nested(16))).toBeDefined()
  expect(parse(nested(17))).toBeUndefined()
})
