import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Action, createPolicy, type PolicyOptions, type PolicyRule } from '../src/index.ts'
import { asked } from './generate.ts'
import { act, call, key, token } from './support.ts'

const LONG = process.env['PORTCULLIS_LONG'] === '1'

const found = (options: PolicyOptions, known?: readonly Action[], servers?: readonly string[]): string[] =>
  createPolicy(options)
    .lint(known, servers)
    .map(({ place, problem }) => `${place} ${problem}`)
const rulesFound = (...rules: PolicyRule[]): string[] => found({ rules })

describe('lint', () => {
  it('finds what has no effect', () => {
    const policy = createPolicy({
      rules: [
        { match: 'a' },
        { match: 'b', cost: 2, mode: 'monitor' },
        { match: 'c', cost: 1, arguments: { x: ['1'] } },
        { match: 'c', arguments: { x: ['1'] }, cost: 1 },
        { match: 'c', arguments: { x: ['2'] }, cost: 1 },
      ],
      implies: { p: ['q'], q: ['p', 'mcp:tool:a b'] },
    })
    expect(policy.lint().map(({ place, problem }) => [place, problem])).toEqual([
      ['policy.rules[0]', 'no_effect'],
      ['policy.rules[1]', 'no_effect'],
      ['policy.rules[3]', 'duplicate'],
      ['policy.implies["p"]', 'implies_cycle'],
      ['policy.implies["q"]', 'implies_cycle'],
      ['policy.implies["q"]', 'scope_grants_nothing'],
    ])
  })

  it('finds rules that known actions never meet', () => {
    const policy = createPolicy({
      rules: [
        { match: 'get_*', cost: 1 },
        { match: 'get_time', cost: 2 },
        { match: 'git/x', cost: 2 },
      ],
    })
    expect(policy.lint([call('get_time'), call('get_date')]).map(({ place, problem }) => [place, problem])).toEqual([
      ['policy.rules[1]', 'cost_shadowed'],
      ['policy.rules[2]', 'unmatched'],
    ])
    expect(createPolicy({ rules: [{ match: 'get_*', cost: 1 }] }).lint([call('get_time')])).toEqual([])
  })

  it('says nothing of kinds that are not listed', () => {
    const rules = [{ match: 'prompt:x', cost: 1 }]
    expect(found({ rules }, [call('get_time')])).toEqual([])
    expect(found({ rules }, [call('get_time'), act('prompt', 'local', 'y')])).toEqual(['policy.rules[0] unmatched'])
    expect(found({ rules }, [])).toEqual([])
  })

  it('finds rules for servers that are not there', () => {
    const rules = ['github/x', '*/x', 'x', 'local/x', 'githubenterprise/x'].map((match) => ({ match, limit }))
    expect(found({ rules }, undefined, ['github'])).toEqual(['policy.rules[4] unknown_server'])
    expect(found({ rules }, undefined, [])).toEqual([
      'policy.rules[0] unknown_server',
      'policy.rules[4] unknown_server',
    ])
    expect(found({ rules }, [call('x', {}, 'github')], ['github'])).toEqual([
      'policy.rules[3] unmatched',
      'policy.rules[4] unknown_server',
    ])
    expect(found({ rules })).toEqual([])
  })

  it('finds costs that an earlier rule always states, without known actions', () => {
    const cost = (match: string, value: number, more: Partial<PolicyRule> = {}): PolicyRule => ({
      match,
      cost: value,
      ...more,
    })
    const shadowed = ['policy.rules[1] cost_shadowed']
    expect(rulesFound(cost('get_*', 1), cost('get_time', 5))).toEqual(shadowed)
    expect(rulesFound(cost('*', 1), cost('github/x', 5, { limit }))).toEqual(shadowed)
    expect(rulesFound(cost('get_*', 1), cost('get_time', 5, { arguments: { a: ['1'] } }))).toEqual(shadowed)
    expect(rulesFound(cost('resource:note://**', 1), cost('resource:note://a(', 5))).toEqual(shadowed)
    expect(rulesFound(cost('get_time', 1), cost('get_*', 5))).toEqual([])
    expect(rulesFound(cost('github/*', 1), cost('get_time', 5))).toEqual([])
    expect(rulesFound(cost('get_*', 5), cost('get_time', 5))).toEqual([])
    expect(rulesFound(cost('get_*', 1, { mode: 'monitor', requireScopes: ['s'] }), cost('get_time', 5))).toEqual([])
    expect(rulesFound({ match: 'get_*', limit }, cost('get_time', 5))).toEqual([])
    expect(rulesFound(cost('get_*', 1), cost('get_time', 5, { mode: 'monitor', requireScopes: ['s'] }))).toEqual([])
  })

  it('finds rules that an earlier rule implies', () => {
    const wide = { match: 'get_*', requireScopes: ['a', 'b'], arguments: { repo: ['x', 'y-*'] } }
    const implied = ['policy.rules[1] redundant']
    expect(rulesFound(wide, { match: 'get_time', requireScopes: ['a'] })).toEqual(implied)
    expect(rulesFound(wide, { match: 'get_*', arguments: { repo: ['y-*', 'x', 'z'] } })).toEqual(implied)
    expect(rulesFound(wide, { match: 'get_x', arguments: { repo: ['**'] }, requireScopes: ['b'] })).toEqual(implied)
    expect(rulesFound({ ...wide, cost: 2 }, { match: 'get_x', requireScopes: ['b'], cost: 3 })).toEqual(implied)
    expect(
      rulesFound({ ...wide, requireScopes: ['mcp:tool:*'] }, { match: 'get_x', requireScopes: ['mcp:tool:x'] }),
    ).toEqual(implied)
    const implies = { a: ['c'] }
    expect(found({ implies, rules: [wide, { match: 'get_x', requireScopes: ['c'] }] })).toEqual(implied)
    for (const rule of [
      { match: 'get_x', requireScopes: ['c'] },
      { match: 'list_x', requireScopes: ['a'] },
      { match: 'get*', requireScopes: ['a'] },
      { match: 'get_x', arguments: { repo: ['x'] } },
      { match: 'get_x', arguments: { repo: ['x', 'y-*'], owner: ['**'] } },
      { match: 'get_x', requireScopes: ['a'], limit },
      { match: 'get_x', requireScopes: ['a'], cost: 3 },
      { match: 'get_x', requireScopes: ['a'], mode: 'monitor' as const },
    ]) {
      expect([rule, rulesFound(wide, rule)]).toEqual([rule, []])
    }
    expect(rulesFound({ ...wide, mode: 'monitor' }, { match: 'get_time', requireScopes: ['a'] })).toEqual([])
    expect(rulesFound({ match: 'get_time', requireScopes: ['a'] }, wide)).toEqual([])
  })

  it('finds patterns that nothing can match', () => {
    const impossible = ['policy.rules[0] impossible']
    for (const match of [
      `${'a'.repeat(600)}*${'b'.repeat(600)}`,
      'resource:http://host:99999/x',
      'resource:x/http://host:99999/*',
      `resource:note://${'a'.repeat(600)}*${'b'.repeat(600)}`,
    ]) {
      expect([match, rulesFound({ match, limit })]).toEqual([match, impossible])
    }
    for (const match of [
      `${'a'.repeat(600)}*${'b'.repeat(424)}`,
      'resource:http://127.0.0.1/x',
      'resource:http://127.1/x',
      'resource:http://h:8080/**',
      'resource:http://**/x',
      'resource:http://127*/x',
      'resource:note:///x*',
      'resource:file:///a/*',
      'resource:urn:a*',
      'resource:urn:a',
      'resource:note://a',
      'resource:https://h',
      'server:anything',
    ]) {
      expect([match, rulesFound({ match, limit })]).toEqual([match, []])
    }
  })

  it('finds argument globs that no text can match', () => {
    const globs = ['../*', 'a/../*', '*/.', 'a\\..\\**', 'x\u0000*', '*\u007f']
    const fine = ['..', 'a/../b', 'x\u0000', '..*', '*..', '.*', '**', '*', '*.', 'a/..b/*', 'a..b*']
    const rule = (list: string[]): PolicyRule => ({ match: 'x', arguments: { ok: ['*'], 'a"b': list } })
    expect(rulesFound(rule([...fine, ...globs]))).toEqual(
      globs.map((_, i) => `policy.rules[0].arguments["a\\"b"][${i + fine.length}] impossible`),
    )
    const texts = ['..', 'a/..', './x', 'a\\..\\b', 'x\u0000', 'x\u0000y', '\u007f', '../..', '../a', 'a/../b', 'b/.']
    for (const glob of globs) {
      const policy = createPolicy({ rules: [{ match: 'x', arguments: { a: [glob] } }] })
      expect(texts.filter((a) => policy.decide(key('*'), call('x', { a })).allowed)).toEqual([])
    }
    for (const glob of fine) {
      const policy = createPolicy({ rules: [{ match: 'x', arguments: { a: [glob] } }] })
      expect(policy.decide(key('*'), call('x', { a: glob.replaceAll('*', 'b') })).allowed).toBe(true)
    }
  })

  it('finds required scopes that look like grants and are none', () => {
    const rules = [
      {
        match: 'x',
        requireScopes: ['mcp:tool:a/b/c', 'mcp:admin:keys', 'mcp:tool:github', 'repo:write', 'mcp:special'],
      },
    ]
    const nothing = 'policy.rules[0] scope_grants_nothing'
    expect(found({ rules })).toEqual([nothing, nothing, nothing])
    expect(found({ rules, implies: { 'mcp:special': ['repo:write'] } })).toEqual([nothing, nothing])
    expect(createPolicy({ rules }).lint()[0]?.message).toContain('"mcp:tool:a/b/c"')
  })
})

const limit = { requests: 1, windowMs: 1000 }

it('no rule that lint calls redundant or shadowed changes a decision', () => {
  const shapes: Omit<PolicyRule, 'match'>[] = [
    { cost: 2 },
    { cost: 3, limit },
    { requireScopes: ['a'] },
    { requireScopes: ['a', 'b'], cost: 4 },
    { arguments: { x: ['1'] } },
    { arguments: { x: ['1', '2'] }, requireScopes: ['a'] },
  ]
  let findings = 0
  fc.assert(
    fc.property(
      asked,
      fc.array(fc.constantFrom(...shapes), { minLength: 5, maxLength: 5 }),
      ({ grants, actions }, chosen) => {
        const rules = grants.map((grant, i): PolicyRule => ({ match: grant.replace(/^!/, ''), ...chosen[i] }))
        const policy = createPolicy({ rules })
        for (const { place, problem } of policy.lint()) {
          const at = rules.findIndex((_, i) => place === `policy.rules[${i}]`)
          const { cost: _, ...rest } = rules[at] as PolicyRule
          const idle: PolicyRule = problem === 'cost_shadowed' ? rest : { match: 'nothing' }
          const without = createPolicy({ rules: rules.with(at, idle) })
          findings++
          for (const action of actions) {
            for (const principal of [key('*'), token('mcp:tool:*', 'mcp:resource:*', 'a')]) {
              const ask = { ...action, arguments: { x: '2' } }
              const {
                rule: _a,
                missingScopes: _b,
                limits: _c,
                argumentRules: _d,
                ...before
              } = policy.decide(principal, ask)
              const {
                rule: _e,
                missingScopes: _f,
                limits: _g,
                argumentRules: _h,
                ...after
              } = without.decide(principal, ask)
              expect([problem, after]).toEqual([problem, before])
            }
          }
        }
      },
    ),
    { numRuns: LONG ? 50_000 : 1500 },
  )
  expect(findings).toBeGreaterThan(LONG ? 3000 : 90)
}, 600_000)
