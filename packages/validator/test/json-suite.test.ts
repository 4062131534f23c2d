import { describe, expect, it } from 'vitest'
import { createValidator } from '../src/index.ts'

/** Texts that every parser must accept, refuse, or may read as it likes (RFC 8259); written for this suite, in the manner of the well-known one. */
const ACCEPTED = [
  '{}',
  '[]',
  '""',
  '0',
  '-0',
  '1e5',
  '1E+2',
  '1e-2',
  '-1.5',
  'true',
  'false',
  'null',
  ' [ ] ',
  '\t\n\r []',
  '[1,2,3]',
  '{"a":{"b":[{}]}}',
  '"\\u0041"',
  '"\\uD834\\uDD1E"',
  '"\u2028\u2029"',
  '"\u007f"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
  '{"":0}',
  '{"a":1,"b":1}',
  '[[[[]]]]',
  '"\uD834\uDD1E"',
  '[0.1]',
  '[-0.0]',
  '["\\u0000"]',
  '"é"',
  '1234567890',
  '0e0',
  '[true,false,null]',
  '{"\\u0061":1}',
  '[1 , 2]',
  '{"a" : 1}',
]
const REFUSED = [
  '',
  ' ',
  '{',
  '[',
  '}',
  ']',
  '[,]',
  '[1,]',
  '[1,,2]',
  '{,}',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{"a" 1}',
  '{a:1}',
  "{'a':1}",
  '[1 2]',
  '01',
  '-',
  '-01',
  '+1',
  '.5',
  '1.',
  '1.e5',
  '1e',
  '1e+',
  '0x1',
  '1_000',
  'NaN',
  'Infinity',
  '-Infinity',
  'nul',
  'True',
  'TRUE',
  'truefalse',
  '"',
  '"\\',
  '"\\x41"',
  '"\\u12"',
  '"\\u00G0"',
  '"\\U0041"',
  '"a\nb"',
  '"\t"',
  '"\u0000"',
  '"a" "b"',
  '[] []',
  '{} x',
  '// c\n1',
  '/* c */1',
  '[1]#',
  '\ufeff[]',
  '\u00a0[]',
  '\u200b1',
  '\v1',
  '\f[]',
  "'a'",
  '`a`',
  '[1;2]',
  '{"a":1;"b":2}',
  '{1:1}',
  '{null:1}',
  '[undefined]',
  '(1)',
  '1 2',
  '--1',
  '-a',
  '[-]',
  '"\\u{41}"',
  '["a]',
  '{"a":"b',
  '[1}',
  '{"a":1]',
  '"\\\u0000"',
  ']',
  'a',
  '"\ud800',
  '[1,2',
  '{"a":[}',
  '1e1.5',
  '1..2',
  '0 1',
  '00',
  '-00',
  '1 000',
]
/** Read by some, and changed by reading: accepted as JSON, and said. */
const SAID: readonly (readonly [text: string, ruleId: string])[] = [
  ['{"a":1,"a":2}', 'json.duplicate_key'],
  ['{"a":1,"\\u0061":2}', 'json.duplicate_key'],
  ['{"a":{"b":1,"b":1}}', 'json.duplicate_key'],
  ['{"__proto__":1}', 'json.prototype_key'],
  ['{"\\u005f_proto__":1}', 'json.prototype_key'],
  ['{"constructor":{"prototype":1}}', 'json.prototype_key'],
  ['"\\uD800"', 'json.lone_surrogate'],
  ['"\\uDC00\\uD800"', 'json.lone_surrogate'],
  ['{"\\uD800":1}', 'json.lone_surrogate'],
  ['1e999', 'json.number'],
  ['-1e999', 'json.number'],
  ['9007199254740993', 'json.number'],
  ['123456789012345678901234567890', 'json.number'],
  ['1e-999', 'json.number'],
]

describe('texts that are JSON, and texts that are not', () => {
  const validator = createValidator()
  const rules = (text: string): string[] => validator.checkText(text).map(({ ruleId }) => ruleId)

  it.each(ACCEPTED)('accepts %j', (text) => {
    expect(rules(text)).toEqual([])
    expect(() => JSON.parse(text) as unknown).not.toThrow()
  })

  it.each(REFUSED)('refuses %j', (text) => {
    expect(rules(text)).toEqual(['json.syntax'])
    expect(() => JSON.parse(text) as unknown).toThrow()
  })

  it.each(SAID)('%j is said', (text, ruleId) => {
    expect(rules(text)).toEqual([ruleId])
    expect(() => JSON.parse(text) as unknown).not.toThrow()
  })

  it('bounds are enforced where they are passed', () => {
    const enforced = (text: string, options: object): string[] =>
      createValidator(options)
        .checkText(text)
        .map(({ ruleId, pointer }) => `${ruleId} ${pointer}`)
    expect(enforced('[1,2,3]', { maxArrayLength: 2 })).toEqual(['json.array_length /2'])
    expect(enforced('[1,2]', { maxArrayLength: 2 })).toEqual([])
    expect(enforced('{"abcdef":1}', { maxKeyBytes: 5 })).toEqual(['json.key_size /abcdef'])
    expect(enforced('{"ééé":1}', { maxKeyBytes: 5 })).toEqual(['json.key_size /ééé'])
    expect(enforced('["abcdef"]', { maxStringBytes: 5 })).toEqual(['json.string_size /0'])
    expect(enforced('[[1]]', { maxDepth: 1 })).toEqual(['json.depth /0'])
    expect(enforced('{"a":1,"b":2}', { maxKeys: 1 })).toEqual(['json.keys /b'])
  })
})
