import fc from 'fast-check'
import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createValidator } from '../src/validator.ts'
import { staysBelow } from '../src/kinds/path.ts'

const validator = createValidator({
  tools: {
    read_file: { '/path': { kind: 'path', root: '/data' }, '/note': { kind: 'text' }, '/name': { kind: 'string' } },
    'files/copy': { '/from/paths': { kind: 'path', root: '/data/' } },
  },
})
const enforced = (tool: string, args: unknown, server = 'local') =>
  validator
    .checkCall({ server, tool, arguments: args })
    .filter((finding) => finding.enforced)
    .map(({ ruleId, pointer }) => `${ruleId} ${pointer}`)

describe('what arguments mean', () => {
  it.each(['a.txt', '/data/a.txt', '/data', 'a/b/c', './a', 'dir..name/x', '/data//x', ''])('lets %j stay', (path) => {
    expect(enforced('read_file', { path })).toEqual([])
  })

  it.each<[unknown]>([
    ['/etc/passwd'],
    ['../secret'],
    ['a/../../x'],
    ['/data/../etc'],
    ['/database/x'],
    ['..\\x'],
    ['a\\..\\x'],
    ['\\\\host\\share'],
    ['C:/x'],
    ['file:///data/x'],
    ['~/x'],
    ['~root'],
    ['a\0b'],
    [7],
    [null],
    [{ path: 'a' }],
    [['a', '../b']],
    [[['a']]],
  ])('refuses %j', (path) => {
    expect(enforced('read_file', { path })).toContainEqual(expect.stringMatching(/^argument\.outside_root \/path/))
  })

  it('names the element of a list, at any depth, for the tool of the server that it was said of', () => {
    expect(enforced('copy', { from: { paths: ['ok', '/etc'] } }, 'files')).toEqual([
      'argument.outside_root /from/paths/1',
    ])
    expect(enforced('copy', { from: { paths: ['ok', '/etc'] } }, 'local')).toEqual([])
    expect(enforced('read_file', { path: '/etc' }, 'files')).toEqual([])
  })

  it('does not mind an argument that is not there', () => {
    expect(enforced('read_file', {})).toEqual([])
    expect(enforced('read_file', null)).toEqual([])
  })

  it('refuses patterns in short values, and records them in free text', () => {
    expect(enforced('read_file', { note: '<script>' })).toEqual([])
    expect(enforced('read_file', { name: '<script>' })).toContain('pattern.script_tag /name')
  })

  it('holds whatever the preset: somebody wrote it down', () => {
    const off = createValidator({ preset: 'off', tools: { t: { '/p': { kind: 'path', root: '/data' } } } })
    expect(off.checkCall({ server: 'local', tool: 't', arguments: { p: '/etc' } })).toHaveLength(1)
  })

  it.each<[string, unknown]>([
    ['no pointer', { t: { path: { kind: 'text' } } }],
    ['a broken pointer', { t: { '/a~2': { kind: 'text' } } }],
    ['an unknown kind', { t: { '/a': { kind: 'shell' } } }],
    ['a relative root', { t: { '/a': { kind: 'path', root: 'data' } } }],
    ['a root without need', { t: { '/a': { kind: 'text', root: '/x' } } }],
    ['an unknown field', { t: { '/a': { kind: 'text', max: 1 } } }],
    ['a list', []],
  ])('refuses options with %s', (_, tools) => {
    expect(() => createValidator({ tools: tools as never })).toThrow(
      expect.objectContaining({ code: 'ERR_VALIDATOR_OPTIONS' }),
    )
  })

  it('what stays, stays wherever it is resolved', () => {
    const step = fc.constantFrom('..', '.', 'a', 'b.txt', '', '...', '..a', '\\', '\\..', '/')
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), fc.boolean(), (steps, absolute) => {
        const path = `${absolute ? '/' : ''}${steps.join('/')}`
        if (!staysBelow('/data', path)) return
        for (const form of [path, path.replaceAll('\\', '/')]) {
          const resolved = posix.resolve('/data', form)
          expect(resolved === '/data' || resolved.startsWith('/data/')).toBe(true)
          expect(form.split('/')).not.toContain('..')
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('a named member beside `*`', () => {
  const judge = (pointers: Record<string, unknown>, args: unknown, schema?: unknown) =>
    createValidator({ tools: { t: pointers as never } })
      .checkCall({ server: 'local', tool: 't', arguments: args, schema })
      .filter((finding) => finding.enforced)
      .map(({ ruleId, pointer }) => `${ruleId} ${pointer}`)
  const path = { kind: 'path', root: '/data' }
  const identifier = { kind: 'identifier' }

  it('refines what `*` says, and hides nothing of it', () => {
    const whole = { '/*': path, '/options/mode': identifier }
    expect(judge(whole, { options: '../../etc/passwd' })).toEqual(['argument.outside_root /options'])
    expect(judge(whole, { options: { other: '../../etc/passwd' } })).toEqual(['argument.outside_root /options/other'])
    expect(judge(whole, { options: { mode: 'fast' }, file: 'a.txt' })).toEqual([])
    expect(judge(whole, { options: { mode: '../a' } })).toHaveLength(1)
    expect(judge(whole, { other: { mode: 'fast' } })).toContain('argument.outside_root /other')
    const files = { '/files/*/path': path, '/files/0/mode': identifier }
    expect(judge(files, { files: [{ path: '../../etc/passwd', mode: 'r' }] })).toEqual([
      'argument.outside_root /files/0/path',
    ])
    expect(judge(files, { files: [{ path: 'a', mode: 'r' }, { path: 'b' }] })).toEqual([])
  })

  it('holds at every depth', () => {
    const deep = { '/*/*/p': path, '/a/b/q': identifier, '/a/*/r': identifier }
    expect(judge(deep, { a: { b: { p: '../x' } } })).toEqual(['argument.outside_root /a/b/p'])
    expect(judge(deep, { a: { c: { p: '../x' } } })).toEqual(['argument.outside_root /a/c/p'])
  })

  it('is not overridden by the schema of the tool, there or below', () => {
    const schema = { properties: { path: { items: { 'x-mcp-kind': 'text' } } } }
    expect(judge({ '/path': path }, { path: ['../../etc/passwd'] }, schema)).toEqual(['argument.outside_root /path/0'])
    expect(judge({ '/path': path }, { path: ['a.txt'] }, schema)).toEqual([])
  })
})

describe('kinds that a schema says in its branches', () => {
  const url = { type: 'string', format: 'uri' }
  it.each<[string, unknown, unknown, string]>([
    ['anyOf', { properties: { a: { anyOf: [url, { type: 'null' }] } } }, { a: 'file:///etc/passwd' }, '/a'],
    ['oneOf', { properties: { a: { oneOf: [{ type: 'null' }, url] } } }, { a: 'file:///etc/passwd' }, '/a'],
    ['allOf', { allOf: [{ properties: { a: url } }] }, { a: 'file:///etc/passwd' }, '/a'],
    ['$ref', { properties: { a: { $ref: '#/$defs/u' } }, $defs: { u: url } }, { a: 'file:///etc/passwd' }, '/a'],
    ['additionalProperties', { additionalProperties: url }, { a: 'file:///etc/passwd' }, '/a'],
    ['patternProperties', { patternProperties: { '^a': url } }, { a: 'file:///etc/passwd' }, '/a'],
    ['prefixItems', { properties: { a: { prefixItems: [{}, url] } } }, { a: ['x', 'file:///etc/passwd'] }, '/a/1'],
    ['items', { properties: { a: { prefixItems: [{}], items: url } } }, { a: ['x', 'file:///etc/passwd'] }, '/a/1'],
    [
      'a recursive reference',
      { $ref: '#/$defs/n', $defs: { n: { properties: { next: { $ref: '#/$defs/n' }, u: url } } } },
      { next: { next: { u: 'file:///etc/passwd' } } },
      '/next/next/u',
    ],
  ])('%s', (_name, schema, args, pointer) => {
    const found = validator
      .checkCall({ server: 'local', tool: 'other', arguments: args, schema })
      .filter((finding) => finding.enforced)
    expect(found.map(({ ruleId, pointer: at }) => [ruleId, at])).toEqual([['url.scheme', pointer]])
  })

  it('a reference to itself ends', () => {
    const schema = { $ref: '#', anyOf: [{ $ref: '#' }], additionalProperties: { $ref: '#' } }
    expect(validator.checkCall({ server: 'local', tool: 'other', arguments: { a: { b: 'c' } }, schema })).toEqual([])
  })
})

describe('URLs of other schemes', () => {
  const judge = (text: string, options: object = {}): boolean =>
    createValidator().checkValue(text, {
      kind: 'url',
      schemes: ['git', 'redis', 'gopher', 'mailto', 'file'],
      ...options,
    } as never).length > 0

  it('are held to hosts and to what is private', () => {
    const hosts = { hosts: ['example.com'] }
    expect(judge('redis://127.0.0.1:6379/0')).toBe(true)
    expect(judge('gopher://169.254.169.254/_x')).toBe(true)
    expect(judge('git:\\\\127.0.0.1/x')).toBe(true)
    expect(judge('redis://127.0.0.1:6379/0', { denyPrivate: false })).toBe(false)
    expect(judge('git://evil.example/x', hosts)).toBe(true)
    expect(judge('git:evil', hosts)).toBe(true)
    expect(judge('git://example.com/x.git', hosts)).toBe(false)
    expect(judge('git://example.com/x.git')).toBe(false)
    expect(judge('mailto:a@example.com')).toBe(false)
    expect(judge('file:///srv/a')).toBe(false)
  })
})
