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
