import { describe, expect, it } from 'vitest'
import { createValidator, type Finding, type ValidatorOptions, type ValueKind } from '../src/index.ts'

const call = (args: unknown, options: ValidatorOptions = {}, schema?: unknown): readonly Finding[] =>
  createValidator(options).checkCall({
    server: 'local',
    tool: 'echo',
    arguments: args,
    ...(schema === undefined ? {} : { schema }),
  })
/** The judgements have tests of their own; here the four patterns stand for them. */
const isShape = ({ ruleId }: Finding): boolean => !/^(sql|html|shell|code|xml|path)\./.test(ruleId)
const brief = (findings: readonly Finding[]) =>
  findings.filter(isShape).map(({ ruleId, pointer, enforced }) => [ruleId, pointer, enforced])

describe('checkCall', () => {
  const attack = { a: ['ok', '../x'], b: { '<script': 'eval(1)' } }

  it('strict enforces the patterns in every string and key', () => {
    expect(brief(call(attack, { preset: 'strict' }))).toEqual([
      ['pattern.path_traversal', '/a/1', true],
      ['pattern.script_tag', '/b/<script', true],
      ['pattern.eval_call', '/b/<script', true],
    ])
    expect(call(attack, { preset: 'strict' }).filter(isShape)[1]).toMatchObject({
      kind: 'text',
      message: expect.stringContaining('in a key'),
      offset: 0,
    })
  })

  it('standard records them', () => {
    expect(brief(call(attack)).every(([, , enforced]) => enforced === false)).toBe(true)
    expect(call(attack).filter(isShape)).toHaveLength(3)
  })

  it('off does not look', () => {
    expect(call(attack, { preset: 'off' })).toEqual([])
    expect(call({ a: '\uD800' }, { preset: 'off' })).toEqual([])
  })

  it('what is recorded does not crowd out what is enforced', () => {
    const args = { noise: Array.from({ length: 500 }, () => '../<script'), last: '\uD800' }
    const findings = call(args)
    expect(findings.filter(({ enforced }) => enforced).map(({ pointer }) => pointer)).toEqual(['/last'])
    expect(findings.filter(({ enforced }) => !enforced)).toHaveLength(32)
    expect(call(args, { preset: 'strict' }).filter(({ enforced }) => enforced)).toHaveLength(32)
  })

  it('never matches across two strings', () => {
    const args = { a: 'union', b: 'select', c: '..', d: '/', e: ['<scr', 'ipt'], eval: '(' }
    expect(call(args, { preset: 'strict' })).toEqual([])
  })

  it('a schema may say that a property is a short value', () => {
    const schema = {
      properties: {
        name: { type: 'string', 'x-mcp-kind': 'string' },
        list: { items: { 'x-mcp-kind': 'string' } },
        deep: { 'x-mcp-kind': 'string', properties: { text: { 'x-mcp-kind': 'text' } } },
      },
    }
    const args = { name: '../', list: ['../'], deep: { x: '../', text: '../' }, other: '../' }
    expect(brief(call(args, {}, schema))).toEqual([
      ['pattern.path_traversal', '/name', true],
      ['pattern.path_traversal', '/list/0', true],
      ['pattern.path_traversal', '/deep/x', true],
      ['pattern.path_traversal', '/deep/text', false],
      ['pattern.path_traversal', '/other', false],
    ])
    for (const hostile of [null, 5, [], { properties: 5 }, { properties: { name: null } }, { __proto__: schema }]) {
      expect(brief(call({ name: '../' }, {}, hostile))).toEqual([['pattern.path_traversal', '/name', false]])
    }
  })

  it('enforces shape, which an adapter that gets parsed objects has no other place for', () => {
    expect(brief(call(JSON.parse('{"__proto__":{"x":1}}')))).toEqual([['json.prototype_key', '/__proto__', true]])
    expect(brief(call({ constructor: { prototype: 1 } }))).toEqual([
      ['json.prototype_key', '/constructor/prototype', true],
    ])
    expect(brief(call({ a: 'x\uD800', n: Number.NaN }))).toEqual([
      ['json.lone_surrogate', '/a', true],
      ['json.number', '/n', true],
    ])
    expect(brief(call({ a: { b: [] } }, { maxDepth: 2 }))).toEqual([['json.depth', '/a/b', true]])
    expect(brief(call({ a: 1, b: 2 }, { maxKeys: 1 }))).toEqual([['json.keys', '', true]])
    expect(brief(call({ a: 'éé' }, { maxStringBytes: 3 }))).toEqual([['json.string_size', '/a', true]])
    expect(
      brief(
        call(
          Array.from({ length: 200 }, () => 1),
          { maxBodyBytes: 100 },
        ),
      ),
    ).toEqual([['json.nodes', '/49', true]])
  })

  it('counts values and keys, and ends where there are too many, whatever the preset', () => {
    const values = (count: number): number[] => Array.from({ length: count }, () => 1)
    expect(call(values(99_999))).toEqual([])
    expect(brief(call(values(100_000)))).toEqual([['json.nodes', '/99999', true]])
    expect(call({ a: 1, b: 2 }, { maxNodes: 5 })).toEqual([])
    expect(brief(call({ a: 1, b: 2, c: 3 }, { maxNodes: 5 }))).toEqual([['json.nodes', '', true]])
    expect(brief(call({ a: 1, b: 2 }, { maxNodes: 4 }))).toEqual([['json.nodes', '/b', true]])
    for (const preset of ['off', 'standard', 'strict'] as const) {
      expect(brief(call([[[]], '../'], { maxNodes: 2, preset }))).toEqual([['json.nodes', '/0/0', true]])
    }
    expect(call(values(200_000), { maxNodes: 300_000 })).toEqual([])
  })

  it('ends on a value that holds itself, or the same thing many times', () => {
    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    expect(brief(call(loop))[0]?.[0]).toBe('json.depth')
    let wide: unknown[] = ['x']
    for (let i = 0; i < 40; i++) wide = [wide, wide]
    expect(brief(call(wide))).toEqual([['json.nodes', expect.any(String), true]])
  })

  it('takes any arguments', () => {
    for (const args of [undefined, null, 5, 'text', true, [], () => 0, Symbol('x'), 5n, new Date(0), new Map()]) {
      expect(call(args, { preset: 'strict' })).toEqual([])
    }
    expect(brief(call('../', { preset: 'strict' }))).toEqual([['pattern.path_traversal', '', true]])
  })

  it('calls no toJSON and no toString', () => {
    const trap = {
      toJSON() {
        throw new Error('called')
      },
      toString() {
        throw new Error('called')
      },
    }
    expect(call({ trap })).toEqual([])
  })
})

const check = (value: unknown, kind: ValueKind | undefined, preset: ValidatorOptions['preset'] = 'standard') =>
  createValidator({ preset })
    .checkValue(value, kind)
    .map(({ ruleId }) => ruleId)

describe('checkValue', () => {
  it('answers what would be enforced for the kind', () => {
    expect(check('../', 'string')).toEqual(['pattern.path_traversal'])
    expect(check('../', 'text')).toEqual([])
    expect(check('../', undefined)).toEqual([])
    expect(check('../', 'text', 'strict')).toEqual(['pattern.path_traversal'])
    expect(check('../', 'string', 'off')).toEqual([])
    expect(check(['a', { b: 'eval(' }], 'string')).toContain('pattern.eval_call')
    expect(check('\uD800', 'text')).toEqual(['json.lone_surrogate'])
  })

  it('everything that it answers is enforced', () => {
    for (const preset of ['off', 'standard', 'strict'] as const) {
      for (const kind of ['text', 'string'] as const) {
        const findings = createValidator({ preset }).checkValue(['../', '<script', '\uD800'], kind)
        expect(findings.every(({ enforced }) => enforced)).toBe(true)
      }
    }
  })

  it('a kind that it does not know is an error, not a pass', () => {
    expect(() => createValidator().checkValue('x', 'sheet' as ValueKind)).toThrow(
      expect.objectContaining({ code: 'ERR_VALIDATOR_KIND', message: expect.stringContaining('"sheet"') }),
    )
  })
})

const checkResult = (result: unknown, options: ValidatorOptions = {}, textLength?: number) =>
  createValidator(options).checkResult({
    server: 's',
    tool: 't',
    result,
    ...(textLength === undefined ? {} : { textLength }),
  })

const nested = (depth: number): unknown => {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

describe('checkResult', () => {
  it('lets results pass that are in order', () => {
    expect(checkResult({ content: [{ type: 'text', text: '../<script>' }] })).toEqual([])
    expect(checkResult(undefined)).toEqual([])
    expect(checkResult('é'.repeat(49), { maxResultBytes: 100 })).toEqual([])
  })

  it('size is enforced, whatever the preset', () => {
    for (const preset of ['off', 'standard', 'strict'] as const) {
      expect(brief(checkResult('é'.repeat(50), { maxResultBytes: 100, preset }))).toEqual([['result.size', '', true]])
      expect(brief(checkResult({}, { preset }, 16_777_217))).toEqual([['result.size', '', true]])
    }
    expect(brief(checkResult({ ['k'.repeat(200)]: 1 }, { maxResultBytes: 100 }))).toEqual([['result.size', '', true]])
    expect(
      brief(
        checkResult(
          Array.from({ length: 60 }, () => 1),
          { maxResultBytes: 100 },
        ),
      ),
    ).toEqual([['result.size', '', true]])
    expect(checkResult('x'.repeat(16_777_000))).toEqual([])
  })

  it('depth is recorded, and enforced where writing the result could overflow the stack', () => {
    expect(checkResult(nested(64))).toEqual([])
    expect(brief(checkResult(nested(65)))).toEqual([['result.depth', '', false]])
    expect(brief(checkResult(nested(1001)))).toEqual([['result.depth', '', true]])
    expect(brief(checkResult(nested(1_000_000)))).toEqual([['result.depth', '', true]])
  })

  it('size is seen below any depth, and a result that holds itself ends', () => {
    let value: unknown = 'x'.repeat(200)
    for (let i = 0; i < 100; i++) value = [value]
    expect(brief(checkResult(value, { maxResultBytes: 300 }))).toEqual([['result.size', '', true]])
    const loop: unknown[] = []
    loop.push(loop)
    expect(brief(checkResult(loop))).toEqual([['result.depth', '', true]])
    let wide: unknown[] = ['x']
    for (let i = 0; i < 40; i++) wide = [wide, wide]
    expect(brief(checkResult(wide, { maxResultBytes: 1_000_000 }))).toEqual([['result.size', '', true]])
  })
})

describe('options', () => {
  it.each([
    { preset: 'none' },
    { maxBodyBytes: 0 },
    { maxBodyBytes: Number.POSITIVE_INFINITY },
    { maxBodyBytes: -1 },
    { maxDepth: 0 },
    { maxDepth: 1001 },
    { maxDepth: Number.NaN },
    { maxKeys: 1.5 },
    { maxNodes: 0 },
    { maxNodes: 10_000_001 },
    { maxNodes: '5' },
    { maxStringBytes: '5' },
    { maxResultBytes: 0 },
    { maxFindings: 0 },
    { maxBody: 5 },
    null,
  ])('%j is refused', (options) => {
    expect(() => createValidator(options as ValidatorOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_VALIDATOR_OPTIONS', fault: 'invalid' }),
    )
  })
})
