import { fromJsonSchema } from '@modelcontextprotocol/server'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { describe, expect, it } from 'vitest'
import { createValidator } from '../src/index.ts'
import { createSchemaValidator } from '../src/schema.ts'

const schemas = createSchemaValidator()
const fits = (schema: unknown, value: unknown): boolean => schemas.check(schema, value).valid
const refusal = (schema: unknown): unknown => {
  try {
    schemas.check(schema, {})
    return undefined
  } catch (error) {
    return { code: (error as { code: string }).code, message: (error as Error).message }
  }
}
const refused = (message: RegExp): unknown => ({
  code: 'ERR_VALIDATOR_SCHEMA',
  message: expect.stringMatching(message),
})

describe('createSchemaValidator', () => {
  it('validates 2020-12, which is the default, and draft-07', () => {
    const tuple = { prefixItems: [{ type: 'string' }], items: false }
    expect(fits(tuple, ['a'])).toBe(true)
    expect(fits(tuple, ['a', 1])).toBe(false)
    expect(
      fits({ $schema: 'https://json-schema.org/draft/2020-12/schema', dependentRequired: { a: ['b'] } }, { a: 1 }),
    ).toBe(false)
    const old = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'array',
      items: [{ type: 'string' }],
      additionalItems: false,
    }
    expect(fits(old, ['a'])).toBe(true)
    expect(fits(old, ['a', 1])).toBe(false)
    expect(fits({ unevaluatedProperties: false, properties: { a: {} } }, { b: 1 })).toBe(false)
    expect(fits(true, 1)).toBe(true)
    expect(fits(false, 1)).toBe(false)
  })

  it('says where and what, and not the value', () => {
    const schema = {
      type: 'object',
      properties: { list: { items: { type: 'integer' } } },
      required: ['list'],
      additionalProperties: false,
    }
    expect(schemas.check(schema, { list: [1, 'secret'] })).toEqual({
      valid: false,
      pointer: '/list/1',
      message: 'must be integer',
    })
    expect(schemas.check(schema, {})).toEqual({ valid: false, pointer: '', message: 'property "list" is missing' })
    expect(schemas.check(schema, { list: [], extra: 1 })).toEqual({
      valid: false,
      pointer: '',
      message: 'property "extra" is not known',
    })
    expect(schemas.check({ const: 'a' }, 'secret')).toEqual({
      valid: false,
      pointer: '',
      message: 'must be equal to constant',
    })
  })

  it.each<[string, unknown, RegExp]>([
    ['an unknown dialect', { $schema: 'https://json-schema.org/draft/2019-09/schema' }, /dialect/],
    ['a dialect that is no text', { $schema: 7 }, /dialect/],
    ['a reference to the network', { $ref: 'https://evil.example/schema.json' }, /out of the document/],
    ['a reference to a file', { properties: { a: { $ref: 'other.json#/x' } } }, /out of the document/],
    ['a dynamic reference to the network', { $dynamicRef: 'https://evil.example#x' }, /out of the document/],
    ['a part with an $id', { $defs: { a: { $id: 'https://a.example/' } } }, /\$id/],
    ['a reference to itself', { $ref: '#' }, /comes back/],
    [
      'a reference to itself by way of allOf',
      {
        $defs: { a: { allOf: [{ anyOf: [{ $ref: '#/$defs/b' }] }] }, b: { not: { $ref: '#/$defs/a' } } },
        $ref: '#/$defs/a',
      },
      /comes back/,
    ],
    ['a reference to nothing', { $ref: '#/$defs/none' }, /none/],
    ['nesting', JSON.parse(`${'{"not":'.repeat(60)}{}${'}'.repeat(60)}`), /nested deeper/],
    ['parts', { anyOf: Array.from({ length: 3000 }, () => ({ type: 'string' })) }, /parts/],
    ['size', { description: 'x'.repeat(300_000) }, /characters/],
    ['a long pattern', { pattern: 'a'.repeat(1001) }, /pattern is longer/],
    ['a long pattern for keys', { patternProperties: { ['a'.repeat(1001)]: true } }, /pattern is longer/],
    ['a pattern that looks around', { pattern: '(?=a)b' }, /invalid/],
    ['a pattern that refers to a group', { pattern: '(a)\\1' }, /invalid/],
    ['a pattern that unfolds', { pattern: '((a{100}){100}){100}' }, /repeat/],
    ['a malformed schema', { type: 'sheet' }, /type/],
    ['a list', [], /no object/],
    ['nothing', null, /no object/],
    ['a text', 'x', /no object/],
  ])('refuses %s', (_, schema, message) => {
    expect(refusal(schema)).toEqual(refused(message))
  })

  it('matches patterns in linear time, with the meaning of ECMA-262', () => {
    expect(fits({ pattern: '^(a+)+$' }, `${'a'.repeat(50_000)}b`)).toBe(false)
    expect(fits({ pattern: '^\\d{3}-\\w+$' }, '123-abc')).toBe(true)
    expect(fits({ pattern: '\\u0041' }, 'xAx')).toBe(true)
    expect(fits({ properties: { a: { pattern: '^a$' }, b: { pattern: '^b$' } } }, { a: 'a', b: 'a' })).toBe(false)
    expect(fits({ patternProperties: { '^x-': { type: 'string' } } }, { 'x-a': 1 })).toBe(false)
    expect(fits({ pattern: '^\\p{L}+$' }, 'Größe')).toBe(true)
  })

  it('counts what references do, so that a small value cannot cost without end', () => {
    // Each level looks at the next one twice: 2^40 at the bottom.
    const bomb = {
      $defs: {
        n: { type: ['object', 'null'], properties: { a: { allOf: [{ $ref: '#/$defs/n' }, { $ref: '#/$defs/n' }] } } },
      },
      $ref: '#/$defs/n',
    }
    let value: unknown = null
    for (let i = 0; i < 40; i++) value = { a: value }
    expect(schemas.check(bomb, value)).toEqual({ valid: false, pointer: '', message: expect.stringContaining('steps') })
    expect(fits(bomb, { a: { a: null } })).toBe(true)
    // In place, without going into the value at all.
    const wide: Record<string, unknown> = { d30: { type: 'object' } }
    for (let i = 0; i < 30; i++)
      wide[`d${i}`] = { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] }
    expect(schemas.check({ $defs: wide, $ref: '#/$defs/d0' }, {})).toMatchObject({
      valid: false,
      message: expect.stringContaining('steps'),
    })
  })

  it('a value that is nested without end does not fit a recursive schema', () => {
    const list = { $defs: { l: { type: 'array', items: { $ref: '#/$defs/l' } } }, $ref: '#/$defs/l' }
    let value: unknown = []
    for (let i = 0; i < 90_000; i++) value = [value]
    expect(schemas.check(list, value).valid).toBe(false)
    expect(fits(list, [[], [[]]])).toBe(true)
  })

  it('schemas with one $id do not meet, and the caller keeps his own', () => {
    const [one, two] = [
      { $id: 'https://a.example/s', type: 'string' },
      { $id: 'https://a.example/s', type: 'number' },
    ]
    expect([fits(one, 'a'), fits(two, 'a'), fits(two, 1), fits(one, 1)]).toEqual([true, false, true, false])
    expect(one.$id).toBe('https://a.example/s')
  })

  it('keeps compiled schemas by what they say, and not more than it should', () => {
    const few = createSchemaValidator({ maxCached: 2 })
    for (let i = 0; i < 5; i++) expect(few.check({ const: i }, i).valid).toBe(true)
    expect(few.check({ b: 1, const: 1 }, 1).valid && few.check({ const: 1, b: 1 }, 1).valid).toBe(true)
  })

  it.each([
    'date',
    'time',
    'date-time',
    'duration',
    'email',
    'hostname',
    'ipv4',
    'ipv6',
    'uri',
    'uri-reference',
    'uuid',
    'json-pointer',
  ])('format %s', (format) => {
    const good: Record<string, string[]> = {
      date: ['2024-02-29', '2000-02-29'],
      time: ['12:00:00Z', '23:59:60.5+02:00'],
      'date-time': ['2026-01-31T12:00:00Z'],
      duration: ['P1DT2H', 'P3W'],
      email: ['a.b+c@example.org'],
      hostname: ['example.org', 'a-b.c'],
      ipv4: ['192.0.2.1'],
      ipv6: ['::1', '2001:db8::1', '::ffff:192.0.2.1'],
      uri: ['https://example.org/a?b#c', 'urn:isbn:123'],
      'uri-reference': ['/a/b', '?x', 'https://a.b'],
      uuid: ['550e8400-e29b-41d4-a716-446655440000'],
      'json-pointer': ['', '/a/~0b/~1'],
    }
    const bad: Record<string, string[]> = {
      date: ['2023-02-29', '1900-02-29', '2024-13-01', 'x'],
      time: ['25:00:00Z', '12:00:00'],
      'date-time': ['2026-01-31', '2026-01-31T25:00:00Z'],
      duration: ['P', 'PT', '1D'],
      email: ['a', 'a@', 'a@b@c', 'a b@c.d'],
      hostname: ['-a', 'a_b', 'a..b', ''],
      ipv4: ['192.0.2', '256.0.0.1', '1.2.3.4.5'],
      ipv6: [':::', '1::2::3', 'g::1', '1.2.3.4'],
      uri: ['/a', 'no scheme', 'http://a b'],
      'uri-reference': ['a b', '\\x'],
      uuid: ['550e8400'],
      'json-pointer': ['a', '/~2'],
    }
    for (const value of good[format] ?? []) expect([value, fits({ format }, value)]).toEqual([value, true])
    for (const value of bad[format] ?? []) expect([value, fits({ format }, value)]).toEqual([value, false])
    expect(fits({ format }, 7)).toBe(true)
    expect(fits({ format: 'x-unknown' }, 'anything')).toBe(true)
  })

  it.each([{ maxSteps: 1 }, { maxCached: 0 }, { maxSchemaDepth: 1000 }, { other: 1 }, null])(
    'refuses the options %j',
    (options) => {
      expect(() => createSchemaValidator(options as never)).toThrow(
        expect.objectContaining({ code: 'ERR_VALIDATOR_OPTIONS' }),
      )
    },
  )
})

describe('in the slots of the official SDKs', () => {
  it('v1: a client validates structured results', async () => {
    const server = new Server({ name: 's', version: '1' }, { capabilities: { tools: {} } })
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: [
        {
          name: 't',
          inputSchema: { type: 'object' as const },
          outputSchema: { type: 'object' as const, properties: { n: { type: 'number' } }, required: ['n'] },
        },
      ],
    }))
    server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
      content: [],
      structuredContent: { n: params.arguments?.['n'] },
    }))
    const client = new Client({ name: 'c', version: '1' }, { jsonSchemaValidator: createSchemaValidator() })
    const [near, far] = InMemoryTransport.createLinkedPair()
    await Promise.all([server.connect(far), client.connect(near)])
    await client.listTools()
    expect(await client.callTool({ name: 't', arguments: { n: 1 } })).toMatchObject({ structuredContent: { n: 1 } })
    await expect(client.callTool({ name: 't', arguments: { n: 'x' } })).rejects.toThrow(/data\/n must be number/)
    await client.close()
  })

  it('v2: a JSON Schema as the schema of a tool', async () => {
    const schema = fromJsonSchema<{ n: number }>(
      { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] },
      createSchemaValidator(),
    )
    expect(await schema['~standard'].validate({ n: 1 })).toEqual({ value: { n: 1 } })
    expect(await schema['~standard'].validate({ n: 'x' })).toMatchObject({
      issues: [{ message: expect.stringContaining('must be number') }],
    })
  })
})

describe('in a validator', () => {
  const validator = createValidator({ schemas })
  const call = (schema: unknown, args: unknown) =>
    validator.checkCall({ server: 'local', tool: 't', schema, arguments: args }).filter(({ enforced }) => enforced)

  it('arguments must fit their schema', () => {
    const schema = { type: 'object', properties: { n: { type: 'integer' } } }
    expect(call(schema, { n: 1 })).toEqual([])
    expect(call(schema, { n: 'x' })).toMatchObject([
      {
        ruleId: 'schema.mismatch',
        pointer: '/n',
        kind: 'arguments',
        message: expect.stringContaining('must be integer'),
      },
    ])
    expect(call(schema, undefined)).toEqual([])
    expect(call({ type: 'object', required: ['a'] }, undefined)).toMatchObject([{ ruleId: 'schema.mismatch' }])
  })

  it('a schema that cannot be used refuses every call', () => {
    expect(call({ $ref: 'https://evil.example/' }, {})).toMatchObject([{ ruleId: 'schema.unusable' }])
  })

  it('structured results must fit theirs; errors have no structure', () => {
    const outputSchema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] }
    const check = (result: unknown) =>
      validator
        .checkResult({ server: 'local', tool: 't', result, outputSchema })
        .map(({ ruleId, pointer }) => `${ruleId} ${pointer}`)
    expect(check({ content: [], structuredContent: { n: 1 } })).toEqual([])
    expect(check({ content: [], structuredContent: { n: 'x' } })).toEqual(['schema.mismatch /n'])
    expect(check({ content: [] })).toEqual(['schema.mismatch '])
    expect(check({ content: [], isError: true })).toEqual([])
  })
})

describe('uniqueItems', () => {
  const unique = { type: 'array', uniqueItems: true }

  it('compares by value', () => {
    expect(fits(unique, [1, '1', { a: 1, b: [2] }, { a: 1, b: [3] }, null, 'null'])).toBe(true)
    expect(fits(unique, [{ a: 1, b: 2 }, 0, { b: 2, a: 1 }])).toBe(false)
    expect(fits({ ...unique, uniqueItems: false }, [1, 1])).toBe(true)
    expect(schemas.check(unique, [1, 1])).toEqual({
      valid: false,
      pointer: '',
      message: 'must NOT have duplicate items',
    })
  })

  it('reads each element once', () => {
    let reads = 0
    const items = Array.from({ length: 2000 }, (_, i) =>
      Object.defineProperty({}, 'a', { enumerable: true, get: () => (reads++, i) }),
    )
    expect(fits(unique, items)).toBe(true)
    expect(reads).toBeLessThanOrEqual(4000)
  })
})

describe('schemas in calls', () => {
  const check = (schema: unknown, args: unknown, options = {}) =>
    createValidator({ schemas, ...options })
      .checkCall({ server: 's', tool: 't', schema, arguments: args })
      .filter(({ enforced }) => enforced)
      .map(({ ruleId }) => ruleId)

  it('that are no JSON are unusable, and nothing is thrown', () => {
    for (const odd of [1n, Symbol('a'), () => 1]) {
      expect(check({ properties: { a: { const: odd } } }, { a: 1 })).toEqual(['schema.unusable'])
    }
  })

  it('do not see arguments that were refused before', () => {
    expect(check({ required: ['b'] }, { a: [[[[1]]]] }, { maxDepth: 2 })).toEqual(['json.depth'])
    expect(check({ required: ['b'] }, { a: 1 }, { maxDepth: 2 })).toEqual(['schema.mismatch'])
  })
})
