import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Action, compileGrants, lintGrants } from '../src/index.ts'
import { asked } from './generate.ts'
import { act, call } from './support.ts'

const LONG = process.env['PORTCULLIS_LONG'] === '1'

const found = (grants: string[], known?: readonly Action[], servers?: readonly string[]): string[] =>
  lintGrants(grants, known, servers).map(({ place, problem }) => `${place} ${problem}`)

describe('lintGrants', () => {
  it.each<[string[], string[]]>([
    [[], []],
    [['get_*', 'github/*', '!delete_*'], []],
    [['x', 'y', 'x'], ['grants[2] duplicate']],
    [
      ['x', 'tool:x', 'local/x', '%78'],
      ['grants[1] duplicate', 'grants[2] duplicate', 'grants[3] duplicate'],
    ],
    [['x', 'X', 'github/x', 'prompt:x'], []],
    [['!x', '!*/x'], ['grants[1] duplicate']],
    [['!x', 'x'], ['grants[1] denied']],
    [['!x', '!github/x'], ['grants[1] redundant']],
    [['github/x', '!local/x'], []],
    [['get_*', 'get_time'], ['grants[1] redundant']],
    [['get_time', 'get_*'], ['grants[0] redundant']],
    [['get_*', 'get_a%20b', 'github/get_x', '*_x'], []],
    [['*', 'admin:*'], []],
    [['*', 'tool:x'], ['grants[1] redundant']],
    [
      ['x', '*', '!delete_*', 'delete_a'],
      ['grants[0] redundant', 'grants[3] denied'],
    ],
    [['delete_a', '!github/delete_*'], []],
    [['delete*', '!delete_*'], []],
    [['*', '!*'], ['grants[0] denied']],
    [['tool:*', '!*/*'], ['grants[0] denied']],
    [['tool:*', '!prompt:*', '!admin:*'], []],
    [['resource:file:///a/**', 'resource:file:///a/*', 'resource:file:///b'], ['grants[1] redundant']],
    [['resource:note://a', '!resource:note://a/'], []],
    [['!resource:note://**', '!resource:note://a('], ['grants[1] redundant']],
    [['!resource:note://a*28', '!resource:note://a%28'], []],
    [['resource:*/**', 'resource:*'], ['grants[1] duplicate']],
  ])('%j: %j', (grants, expected) => {
    expect(found(grants)).toEqual(expected)
  })

  it('finds what can match nothing', () => {
    const long = `${'a'.repeat(600)}*${'b'.repeat(600)}`
    expect(found([long, `!${long}`, 'resource:http://127.1/x', 'resource:http://1*/x'])).toEqual([
      'grants[0] impossible',
      'grants[1] impossible',
      'grants[2] impossible',
    ])
    // The spelling "http://127.1;x/" is another host, whose restricted forms hold the denied one.
    const grants = ['resource:*', '!resource:http://127.1/']
    const odd = act('resource', 'local', 'http://127.1;x/')
    expect([compileGrants(grants).decide(odd).reason, found(grants)]).toEqual(['denied', []])
    expect(found(['resource:http://127.1/'])).toEqual(['grants[0] impossible'])
  })

  it('finds lines that match no known action, of kinds that are listed', () => {
    const known = [call('get_time'), call('search', {}, 'github'), act('resource', 'local', 'note://a')]
    expect(found(['get_*', 'get_tim', '*/search', 'search', 'prompt:x', 'resource:note://b'], known)).toEqual([
      'grants[1] unmatched',
      'grants[3] unmatched',
      'grants[5] unmatched',
    ])
    expect(found(['!search', '!github/get_*', '!resource:note://a/', '*', 'admin:*'], known)).toEqual([
      'grants[1] unmatched',
    ])
    expect(found(['anything'], [])).toEqual([])
  })

  it('finds lines for servers that are not there', () => {
    const grants = ['github/x', 'githubenterprise/x', '*/y', 'local/z', '!git/x']
    expect(found(grants, undefined, ['github'])).toEqual(['grants[1] unknown_server', 'grants[4] unknown_server'])
    expect(found(grants)).toEqual([])
  })

  it('names lines JSON-encoded, and the other line', () => {
    expect(lintGrants(['get_*', 'get_time'])).toEqual([
      { place: 'grants[1]', problem: 'redundant', message: 'grants[0] implies "get_time"' },
    ])
  })

  it('refuses malformed lines', () => {
    expect(() => lintGrants(['a:b'])).toThrow(expect.objectContaining({ code: 'ERR_AUTHZ_GRANT' }))
  })

  it('no line that it names matters: without it every decision is the same', () => {
    const counts = new Map<string, number>()
    fc.assert(
      fc.property(asked, ({ grants, actions }) => {
        const decide = (lines: readonly string[]): string[] =>
          actions.map((action) => compileGrants([...lines]).decide(action).reason)
        for (const { place, problem } of lintGrants(grants)) {
          counts.set(problem, (counts.get(problem) ?? 0) + 1)
          const rest = grants.filter((_, i) => place !== `grants[${i}]`)
          expect(rest).toHaveLength(grants.length - 1)
          expect([problem, decide(rest)]).toEqual([problem, decide(grants)])
        }
      }),
      { numRuns: LONG ? 100_000 : 3000 },
    )
    for (const problem of ['duplicate', 'redundant', 'denied']) {
      expect([problem, counts.get(problem)]).toEqual([problem, expect.any(Number)])
      expect(counts.get(problem)).toBeGreaterThan(LONG ? 600 : 20)
    }
  }, 600_000)
})
