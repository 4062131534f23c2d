import { expect, test } from 'vitest'
import { copyJson } from '../src/format/copy-json.ts'
import { parseStrictJson } from '../src/format/strict-json.ts'
import { failsWith } from './scratch.ts'

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

test('what is not JSON, or may be read in two ways, is refused with its place and not its text', () => {
  const bad = [
    '',
    ' ',
    'nul',
    'nullx',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '{"a" 1}',
    '[1,]',
    '[1 2]',
    '[1',
    ']',
    '"abc',
    '"abc\\',
    '"\\x"',
    '"\\u12"',
    '"\t"',
    '"\u0000"',
    '01',
    '1.',
    '.5',
    '+1',
    '1e',
    '-',
    '--1',
    'NaN',
    'Infinity',
    '1e999',
    '1 2',
    '{"a":1}{',
    '\u00a01',
    '// x\n1',
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"a":{"b":1,"b":2}}',
    '[{"b":1,"b":2}]',
    '{"__proto__":1}',
    '{"a":{"__proto__":{}}}',
    '{"\\u005f_proto__":1}',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '{"\\ud800":1}',
    nested(65),
    '{"a":'.repeat(65) + '1' + '}'.repeat(65),
  ]
  for (const text of bad) expect(() => parseStrictJson(text), text).toThrow(failsWith('ERR_CONFIG_MALFORMED'))
  expect(() => parseStrictJson('{\n  "x": "hunter2",\n  "x": 2}')).toThrow(
    /^a member that was there already at line 3, column 3$/,
  )
  expect(() => parseStrictJson('["hunter2\n')).toThrow(/^a string is not closed at line 1, column 2$/)
})

test('what is JSON is read as JSON.parse reads it', () => {
  for (const text of [
    'null',
    ' [ ] ',
    '{ }',
    '{"":0,"1":1,"constructor":{"toString":[true,false]},"hasOwnProperty":1}',
    '[-0.5e-3,0,12,1E3,1e+2]',
    String.raw`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀"`,
    '\r\n\t{"a":[{"b":{}}]}\n',
    nested(64),
  ]) {
    expect(JSON.stringify(parseStrictJson(text))).toBe(JSON.stringify(JSON.parse(text)))
  }
})

test('a deep or long text costs no more than its length', () => {
  expect(() => parseStrictJson('['.repeat(5_000_000))).toThrow('nested more than 64 deep')
  expect(() => parseStrictJson(`"${'a'.repeat(5_000_000)}`)).toThrow('is not closed')
  expect(parseStrictJson(`"${'\\n'.repeat(1_000_000)}"`)).toHaveLength(1_000_000)
})

test('only what JSON gives back as it is may be stored', () => {
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  const bad: unknown[] = [
    undefined,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1n,
    Symbol('x'),
    () => 1,
    new Date(),
    new Map(),
    Buffer.from('x'),
    new String('x'),
    { a: undefined },
    [undefined],
    Array(3),
    JSON.parse('{"__proto__":1}'),
    { a: 'x\ud800' },
    { '\udc00': 1 },
    cyclic,
    JSON.parse(nested(63)),
  ]
  for (const value of bad) expect(() => copyJson(value)).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  const value = { a: [1, 'x', { b: null }], c: true }
  const copy = copyJson(value) as typeof value
  expect(copy).toStrictEqual(value)
  expect(copy.a).not.toBe(value.a)
  expect(Object.is(copyJson(-0), 0)).toBe(true)
  expect(copyJson(JSON.parse(nested(62)))).toEqual(JSON.parse(nested(62)))
})
