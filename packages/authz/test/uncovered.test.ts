import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Action, compileGrants, uncoveredGrants } from '../src/index.ts'
import { asked, loads } from './generate.ts'
import { act } from './support.ts'

const LONG = process.env['PORTCULLIS_LONG'] === '1'

describe('uncoveredGrants', () => {
  it.each<[string[], string[]]>([
    [['*'], ['*', 'tool:*', 'get_*', 'github/x', '*/y', 'resource:file:///**', 'prompt:p', 'server:logging']],
    [['tool:*'], ['tool:*', 'get_*', '*/x', 'a%20b', 'github/*', '*/*']],
    [['get_*'], ['get_*', 'get_time', 'get_*_x', 'tool:get_a*', 'local/get_*', 'get_%74ime']],
    [['local/get_*'], ['get_x']],
    [['*/search'], ['*/search', 'search', 'github/search']],
    [['*/*'], ['*/*', 'local/*', 'x', 'y/a*b']],
    [['a*c*e'], ['abcde', 'a*c*d*e', 'a*cc*e']],
    [['a%2F*'], ['a%2fb']],
    [['%C3%A9'], ['%c3%a9']],
    [['admin:*'], ['admin:keys', 'admin:*']],
    [
      ['resource:file:///data/**'],
      ['resource:file:///data/a', 'resource:FILE:///data/*/x', 'resource:file:///data/**/y'],
    ],
    [
      ['resource:file:///data/**/x'],
      ['resource:file:///data/x', 'resource:file:///data/a/b/x', 'resource:file:///data/**/b/x'],
    ],
    [['resource:*/**'], ['resource:*', 'resource:files/**', 'resource:note://a']],
    [['resource:note://a%28'], ['resource:note://a%28']],
    [
      ['*', '!delete_*'],
      ['get_*', 'tool:*', 'delete*'],
    ],
    [
      ['*', '!github/*'],
      ['get_*', 'gitlab/*'],
    ],
    [['*', '!admin:*', '!prompt:*'], ['*']],
    [['x'], ['!y', '!*', '!admin:*', 'x']],
    [[], ['!y']],
    [[], []],
  ])('%j covers %j', (held, wanted) => {
    expect(uncoveredGrants(held, wanted)).toEqual([])
  })

  it.each<[string[], string[]]>([
    [[], ['x', '*']],
    [['*'], ['admin:keys', 'admin:*']],
    [['admin:keys'], ['admin:*', 'admin:keysx', 'tool:keys']],
    [['tool:*', 'prompt:*', 'server:*', 'resource:*', 'admin:*'], ['*']],
    [
      ['get_*'],
      ['*', 'tool:*', '*/get_x', 'github/get_x', 'get', 'Get_x', 'get_a%20b', 'get_*%20*', 'prompt:get_x', '*get_x'],
    ],
    [['*/*'], ['tool:*', 'a%20b']],
    [['github/*'], ['githubenterprise/x', 'git/x', 'x', '*/x']],
    [['*/search'], ['*/searches', 'tool:*']],
    [['%2A'], ['a']],
    [['a%2Fb'], ['a*b']],
    [
      ['resource:file:///data/*'],
      ['resource:file:///data/**', 'resource:file:///data/a/b', 'resource:files/file:///data/a'],
    ],
    [['resource:file:///data/**'], ['resource:file:///**', 'resource:file:///database', 'resource:*']],
    [['resource:file:///data/**/x'], ['resource:file:///data/**', 'resource:file:///data/yx']],
    [['resource:**'], ['resource:*', 'resource:files/**']],
    [['resource:note://a('], ['resource:note://a%28']],
    [
      ['*', '!delete_*'],
      ['delete_*', 'github/delete_x', '*/delete_*', 'delete_%C3%A9'],
    ],
    [
      ['*', '!tool:*'],
      ['tool:*', 'x', 'github/*'],
    ],
    [
      ['*', '!*/*'],
      ['tool:*', 'a%20b'],
    ],
    [
      ['*', '!resource:*/**'],
      ['resource:*', 'resource:x/**'],
    ],
    [
      ['*', '!*'],
      ['*', 'prompt:x'],
    ],
    [['*', '!resource:note://a('], ['resource:note://a%28']],
    [
      ['*', '!resource:note://a/**'],
      ['resource:note://a/b', 'resource:x/note://a/*'],
    ],
    [['x', '!x'], ['x']],
  ])('%j covers none of %j', (held, wanted) => {
    expect(uncoveredGrants(held, wanted)).toEqual(wanted)
  })

  it('names the lines as they were written, in their order', () => {
    expect(uncoveredGrants(['get_*'], ['set_b', 'get_a', '!x', 'set_a', 'set_b'])).toEqual(['set_b', 'set_a', 'set_b'])
  })

  it('may name a line that only several lines cover together', () => {
    expect(uncoveredGrants(['tool:*', 'resource:*', 'prompt:*', 'server:*'], ['*'])).toEqual(['*'])
  })

  it('refuses malformed lines in either list', () => {
    for (const lists of [
      [['a:b'], []],
      [[], ['a:b']],
      ['x', []],
      [[], undefined],
    ]) {
      const [held, wanted] = lists as [string[], string[]]
      expect(() => uncoveredGrants(held, wanted)).toThrow(expect.objectContaining({ code: 'ERR_AUTHZ_GRANT' }))
    }
  })
})

/** Every text of at most `length` of the parts. */
const textsOf = (parts: readonly string[], length: number): string[] =>
  length === 0 ? [''] : ['', ...parts.flatMap((part) => textsOf(parts, length - 1).map((rest) => part + rest))]

const decidable = (action: Action): boolean => compileGrants([]).decide(action).reason !== 'invalid_name'
const NAMES = [...new Set(textsOf(['a', 'b', ' '], 4))].flatMap((name) => [
  act('tool', 'local', name),
  act('tool', 'x', name),
  act('admin', 'local', name),
])
const URIS = [...new Set(textsOf(['a', '/', '(', '%28', '28', ';a'], 4))].flatMap((path) => [
  act('resource', 'local', `note://${path}`),
  act('resource', 'x', `note://a/${path}`),
])
const EVERYTHING = [...NAMES, ...URIS].filter(decidable)

const names = fc
  .tuple(
    fc.constantFrom('', 'x/', '*/', 'admin:', 'local/'),
    fc.array(fc.constantFrom('a', 'b', '%20', '*'), { minLength: 1, maxLength: 4 }),
  )
  .map(([start, parts]) => start + parts.join('').replace(/\*+/g, '*'))
const uris = fc
  .tuple(
    fc.constantFrom('', 'x/', '*/'),
    fc.array(fc.constantFrom('a', '/', '*', '**', '/**/', '(', '%28', '28', ';a'), { minLength: 1, maxLength: 4 }),
  )
  .map(([server, parts]) => `resource:${server}note://${parts.join('')}`)
const line = fc
  .tuple(
    fc.constantFrom('', '', '!'),
    fc.oneof(names, uris, fc.constantFrom('*', 'tool:*', 'resource:*', 'resource:**')),
  )
  .map((parts) => parts.join(''))
  .filter((text) => loads([text]))

/** What `wanted` allows and `held` neither allows nor denies. */
const escapes = (held: readonly string[], wanted: string, actions: readonly Action[]): Action | undefined => {
  const allowed = compileGrants([wanted])
  const bound = compileGrants([...held])
  return actions.find((action) => allowed.decide(action).allowed && bound.decide(action).reason === 'no_grant')
}

describe('nothing escapes what is called covered', () => {
  it('by every short name and URI', () => {
    let covered = 0
    let asks = 0
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 3 }), line, (held, wanted) => {
        if (wanted.startsWith('!')) return
        asks++
        if (uncoveredGrants(held, [wanted]).length > 0) return
        covered++
        expect(escapes(held, wanted, EVERYTHING)).toBeUndefined()
      }),
      { numRuns: LONG ? 100_000 : 3000 },
    )
    expect(covered / asks).toBeGreaterThan(0.05)
    expect(covered / asks).toBeLessThan(0.9)
  }, 600_000)

  it('by names and URIs that nearly meet', () => {
    let covered = 0
    fc.assert(
      fc.property(asked, ({ grants, actions }) => {
        const [wanted, ...held] = grants
        if (wanted === undefined || uncoveredGrants(held, [wanted]).length > 0) return
        covered++
        if (!wanted.startsWith('!')) expect(escapes(held, wanted, actions)).toBeUndefined()
      }),
      { numRuns: LONG ? 100_000 : 5000 },
    )
    expect(covered).toBeGreaterThan(LONG ? 5000 : 250)
  }, 600_000)
})
