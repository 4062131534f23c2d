import { describe, expect, it } from 'vitest'
import { createValidator } from '../src/index.ts'

const validator = createValidator()
const ids = (raw: string, options = {}) =>
  createValidator(options)
    .checkText(raw)
    .map(({ ruleId }) => ruleId)

describe('checkText', () => {
  it('finds nothing in what is in order', () => {
    const raw =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hé\\u00e9 \\ud83d\\ude00 😀","n":[1,-0,1.5e10,true,null]}}}'
    expect(validator.checkText(raw)).toEqual([])
    expect(validator.checkText(' "x" ')).toEqual([])
  })

  it('says where and what', () => {
    const raw = '{"a":[0,{"b~/c":1e999}]}'
    expect(validator.checkText(raw)).toEqual([
      {
        ruleId: 'json.number',
        severity: 'low',
        confidence: 'high',
        kind: 'json',
        pointer: '/a/1/b~0~1c',
        excerpt: '{"a":[0,{"b~/c":1e999}]}',
        message: 'a number would be changed by parsing it (it becomes infinite)',
        enforced: true,
        offset: raw.indexOf('1e999'),
      },
    ])
  })

  it.each([
    ['{"a":1,"a":2}', '/a', 7],
    ['{"a":1,"\\u0061":2}', '/a', 7],
    ['{"a":{"b":1,"c":2,"b":3}}', '/a/b', 18],
    ['[{"x":1},{"x":1,"x":1}]', '/1/x', 16],
    ['{"":1,"":2}', '/', 6],
    ['{"\\n":1,"\\u000a":2}', '/\n', 8],
  ])('duplicate keys: %s', (raw, pointer, offset) => {
    expect(validator.checkText(raw)).toMatchObject([{ ruleId: 'json.duplicate_key', pointer, offset, enforced: true }])
  })

  it('the same key in different objects is none', () => {
    expect(validator.checkText('[{"a":{"a":1}},{"a":2}]')).toEqual([])
    expect(validator.checkText('{"toString":1,"valueOf":2,"hasOwnProperty":3,"constructor":4}')).toEqual([])
  })

  it.each([
    ['{"__proto__":{"admin":true}}', '/__proto__'],
    ['{"\\u005f_proto__":1}', '/__proto__'],
    ['{"a":[{"constructor":{"prototype":{"x":1}}}]}', '/a/0/constructor/prototype'],
  ])('prototype keys: %s', (raw, pointer) => {
    expect(validator.checkText(raw)).toMatchObject([{ ruleId: 'json.prototype_key', pointer }])
  })

  it('constructor and prototype by themselves are ordinary', () => {
    expect(validator.checkText('{"constructor":{"name":"x"},"prototype":{"constructor":1}}')).toEqual([])
  })

  it.each([
    ['"\\ud800"', 1],
    ['"\\udc00"', 1],
    ['"ab\\ud800\\u0041"', 3],
    ['"\\ud800\\ud800\\udc00"', 1],
    ['"\\ud83d\\n\\ude00"', 1],
    ['"\uD800"', 1],
    ['"x\uDC00"', 2],
    ['{"\\ud800":1}', 2],
  ])('lone surrogates: %j', (raw, offset) => {
    expect(validator.checkText(raw)).toMatchObject([{ ruleId: 'json.lone_surrogate', offset }])
  })

  it('values and keys are counted, and reading ends where there are too many, whatever the preset', () => {
    const nested = `[${Array.from({ length: 8_600 }, () => '['.repeat(60) + ']'.repeat(60)).join(',')}]`
    for (const preset of ['off', 'standard', 'strict'] as const) {
      expect(ids(nested, { preset })).toEqual(['json.nodes'])
      expect(ids('[[],[]]', { preset, maxNodes: 3 })).toEqual([])
      expect(ids('[[],[],0]', { preset, maxNodes: 3 })).toEqual(['json.nodes'])
      expect(ids('{"a":1,"b":2}', { preset, maxNodes: 5 })).toEqual([])
      expect(ids('{"a":1,"b":2}', { preset, maxNodes: 4 })).toEqual(['json.nodes'])
      expect(ids('{"a":1,"b":2}', { preset, maxNodes: 3 })).toEqual(['json.nodes'])
      expect(ids('{"a":1,"b":2}', { preset, maxNodes: 4, maxKeys: 1 })[0]).toBe(
        preset === 'off' ? 'json.nodes' : 'json.keys',
      )
      expect(ids('[1,2,', { preset, maxNodes: 3 })).toEqual(['json.syntax'])
    }
    expect(validator.checkText(`[${'1,'.repeat(99_998)}1]`)).toEqual([])
    expect(validator.checkText(`[${'1,'.repeat(99_999)}1]`)).toMatchObject([
      { ruleId: 'json.nodes', pointer: '/99999', offset: 199_999, enforced: true },
    ])
    expect(ids(`[${'1,'.repeat(99_999)}1]`, { maxNodes: 100_001 })).toEqual([])
  })

  it('halves that meet are a pair, however they are written', () => {
    for (const raw of ['"\\ud83d\\ude00"', '"\uD83D\\ude00"', '"\\uD83D\uDE00"', '"😀"'])
      expect(validator.checkText(raw)).toEqual([])
  })

  it.each([
    '9007199254740992',
    '-9007199254740992',
    '12345678901234567890',
    '1e999',
    '-1e999',
    '1e-999',
    '0.0000001e-400',
    `1${'0'.repeat(400)}`,
  ])('numbers that do not survive: %s', (number) => {
    expect(ids(number)).toEqual(['json.number'])
    expect(ids(`[0,${number}]`)).toEqual(['json.number'])
  })
  it.each([
    '9007199254740991',
    '-9007199254740991',
    '1e308',
    '0e999',
    '-0',
    '0.0',
    '5e-324',
    '0.1234567890123456789',
    '1.7976931348623157e308',
    '0.000e-999',
  ])('numbers that do: %s', (number) => {
    expect(ids(number)).toEqual([])
  })

  it('bounds: bytes, depth, keys, strings', () => {
    expect(ids(`"${'a'.repeat(98)}"`, { maxBodyBytes: 100 })).toEqual([])
    expect(ids(`"${'a'.repeat(99)}"`, { maxBodyBytes: 100 })).toEqual(['json.size'])
    expect(ids(`"${'é'.repeat(50)}"`, { maxBodyBytes: 100 })).toEqual(['json.size'])
    expect(ids('[[[]]]', { maxDepth: 3 })).toEqual([])
    expect(validatorOf({ maxDepth: 3 }).checkText('{"a":[{"b":[]}]}')).toMatchObject([
      { ruleId: 'json.depth', pointer: '/a/0/b', offset: 11 },
    ])
    expect(ids(`${'['.repeat(64)}${']'.repeat(64)}`)).toEqual([])
    expect(ids(`${'['.repeat(65)}${']'.repeat(65)}`)).toEqual(['json.depth'])
    expect(ids('{"a":1,"b":{"c":2}}', { maxKeys: 3 })).toEqual([])
    expect(ids('{"a":1,"b":{"c":2,"d":3}}', { maxKeys: 3 })).toEqual(['json.keys'])
    expect(ids('{"aé":"bé"}', { maxStringBytes: 3 })).toEqual([])
    expect(ids('{"aéé":"béé"}', { maxStringBytes: 3 })).toEqual(['json.string_size', 'json.string_size'])
  })

  it.each([
    '',
    ' ',
    '{',
    '[',
    '"',
    '"a',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '[1,]',
    '[,1]',
    '[1 2]',
    '{,}',
    '{1:2}',
    "{'a':1}",
    '{"a" 1}',
    '01',
    '-',
    '+1',
    '1.',
    '.5',
    '1e',
    '1e+',
    'NaN',
    'Infinity',
    'tru',
    'True',
    'nul',
    '"\\x41"',
    '"\\u12"',
    '"\\u12g4"',
    '"\n"',
    '"\u0000"',
    '1 2',
    '{}{}',
    ']',
    '}',
    '[}',
    '{]',
    '\uFEFF{}',
    '\u00a0{}',
    '/* */1',
    '[1]//x',
    '\\',
    '-a',
    '{"a":1 "b":2}',
    'null,',
  ])('what is not JSON: %j', (raw) => {
    expect(() => JSON.parse(raw)).toThrow(SyntaxError)
    expect(ids(raw)).toEqual(['json.syntax'])
  })

  it('takes anything for text', () => {
    for (const value of [undefined, null, 5, {}, []]) expect(ids(value as unknown as string)).toEqual(['json.syntax'])
  })

  it('stops at maxFindings', () => {
    expect(ids(`[${'1e999,'.repeat(100)}1]`)).toHaveLength(32)
    expect(ids(`[${'1e999,'.repeat(100)}1]`, { maxFindings: 3 })).toHaveLength(3)
  })

  it('off keeps size, depth and syntax, and nothing else', () => {
    const off = { preset: 'off' }
    expect(ids('{"__proto__":1,"a":1e999,"a":"\\ud800"}', off)).toEqual([])
    expect(ids(`{${Array.from({ length: 10_001 }, (_, i) => `"${i}":1`).join()}}`, off)).toEqual([])
    expect(ids('[1', off)).toEqual(['json.syntax'])
    expect(ids('['.repeat(65), off)).toEqual(['json.depth'])
    expect(ids('11', { ...off, maxBodyBytes: 1 })).toEqual(['json.size'])
  })
})

const validatorOf = (options: object) => createValidator(options)

describe('hostile input comes to an end', () => {
  const MIB = 1_048_576
  it.each([
    ['a million open arrays', '['.repeat(1_000_000)],
    ['a million open objects', '{"a":'.repeat(200_000)],
    ['quotes', '"'.repeat(MIB)],
    ['backslashes', `"${'\\'.repeat(MIB - 2)}"`],
    ['escapes', `"${'\\u0061'.repeat(170_000)}"`],
    ['halves of pairs', `"${'\\ud800'.repeat(170_000)}"`],
    ['digits', '1'.repeat(MIB)],
    ['an exponent', `1e${'9'.repeat(MIB - 2)}`],
    ['commas', `[${','.repeat(MIB - 1)}`],
    ['spaces', ' '.repeat(MIB)],
    ['keys', `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":1`).join()}}`.slice(0, MIB)],
    ['one key again and again', `{${'"a":1,'.repeat(150_000)}"a":1}`],
    ['a key of a mebibyte', `{"${'k'.repeat(MIB - 10)}":1e999}`],
    ['empty arrays', `[${'[],'.repeat(300_000)}[]]`],
  ])('%s', (_name, raw) => {
    for (const preset of ['off', 'standard', 'strict'] as const) {
      const findings = createValidator({ preset }).checkText(raw)
      expect(findings.length).toBeLessThanOrEqual(32)
      for (const { excerpt, pointer } of findings) {
        expect(excerpt.length).toBeLessThanOrEqual(80)
        expect(pointer.length).toBeLessThanOrEqual(1024)
      }
    }
  })
})
