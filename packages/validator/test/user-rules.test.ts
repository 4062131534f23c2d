import { describe, expect, it } from 'vitest'
import { createValidator } from '../src/index.ts'
import { compileUserRules, lintUserRules, type UserRuleDefinition } from '../src/rules.ts'

const rule = (more: Partial<UserRuleDefinition> = {}): UserRuleDefinition => ({
  id: 'user.ticket',
  pattern: 'TICKET-[0-9]{4,}',
  message: 'names an internal ticket',
  mode: 'enforce',
  tests: { match: ['see TICKET-1234'], miss: ['see TICKET-12'] },
  ...more,
})
const thrown = (definition: unknown): unknown => {
  try {
    compileUserRules([definition as UserRuleDefinition])
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('compileUserRules', () => {
  it('rules are enforced, recorded or off, and can be limited to kinds', () => {
    const find = (more: Partial<UserRuleDefinition>, kind: 'string' | 'text' = 'text') => {
      const validator = createValidator({ userRules: compileUserRules([rule(more)]), tools: { t: { '/a': { kind } } } })
      return validator
        .checkCall({ server: 'local', tool: 't', arguments: { a: 'see TICKET-1234' } })
        .map(({ ruleId, pointer, enforced, offset }) => [ruleId, pointer, enforced, offset])
    }
    expect(find({})).toEqual([['user.ticket', '/a', true, 4]])
    expect(find({ mode: 'monitor' })).toEqual([['user.ticket', '/a', false, 4]])
    expect(find({ mode: 'off' })).toEqual([])
    expect(find({ kinds: ['string'] })).toEqual([])
    expect(find({ kinds: ['string'] }, 'string')).toEqual([['user.ticket', '/a', true, 4]])
    expect(find({ pattern: 'ticket-1', flags: 'i' })).toHaveLength(1)
  })

  it('values of the kinds secret and opaque are not shown to them', () => {
    const tools = { t: { '/a': { kind: 'secret' }, '/b': { kind: 'opaque' }, '/c': { kind: 'string' } } } as const
    const validator = createValidator({ userRules: compileUserRules([rule({ pattern: '^hush$' })]), tools })
    const findings = validator.checkCall({ server: 'local', tool: 't', arguments: { a: 'hush', b: 'hush', c: 'hush' } })
    expect(findings.map(({ pointer }) => pointer)).toEqual(['/c'])
  })

  it('take linear time', () => {
    const [compiled] = compileUserRules([rule({ pattern: '(a+)+$' })])
    expect(compiled?.find(`${'a'.repeat(30_000)}b`)).toBe(-1)
  })

  it.each<[string, unknown]>([
    ['no object', null],
    ['an id without user.', rule({ id: 'ticket' })],
    ['an id in capitals', rule({ id: 'user.Ticket' })],
    ['no pattern', rule({ pattern: '' })],
    ['looking around', rule({ pattern: '(?!x)a' })],
    ['a reference to a group', rule({ pattern: '(a)\\1' })],
    ['repetition that unfolds', rule({ pattern: '((a{100}){100}){100}' })],
    ['a pattern that is too long', rule({ pattern: 'a'.repeat(3000) })],
    ['an unknown flag', rule({ flags: 'g' })],
    ['an unknown kind', rule({ kinds: ['sheet' as never] })],
    ['an unknown severity', rule({ severity: 'awful' as never })],
    ['an unknown mode', rule({ mode: 'maybe' as never })],
    ['an unknown field', { ...rule(), other: 1 }],
    ['no message', rule({ message: '' })],
  ])('refuses %s', (_, definition) => {
    expect(thrown(definition)).toBe('ERR_VALIDATOR_RULE')
  })

  it('refuses an id that stands twice', () => {
    expect(() => compileUserRules([rule(), rule()])).toThrow(expect.objectContaining({ code: 'ERR_VALIDATOR_RULE' }))
  })
})

describe('lintUserRules', () => {
  const lint = (...definitions: unknown[]) =>
    lintUserRules(definitions as UserRuleDefinition[]).map(({ level, message }) => `${level}: ${message}`)

  it('has nothing to say about a good rule', () => {
    expect(lint(rule())).toEqual([])
  })

  it.each<[string, Partial<UserRuleDefinition>, RegExp]>([
    ['tests that fail', { tests: { match: ['nothing'], miss: ['TICKET-9999'] } }, /error: it does not match/],
    ['near misses that match', { tests: { match: ['TICKET-1234'], miss: ['TICKET-9999'] } }, /error: it matches/],
    ['no tests', { tests: {} }, /warning: it has no tests/],
    ['the empty text', { pattern: 'x*' }, /error: it matches the empty text/],
    ['honest text', { pattern: '[a-z]+@' }, /warning: it matches honest text/],
    ['a useless end', { pattern: 'TICKET-[0-9]{4,}.*' }, /warning: a leading or trailing/],
    ['what cannot be compiled', { pattern: '(' }, /error: .*missing/],
  ])('tells of %s', (_, more, expected) => {
    expect(lint(rule(more)).join('\n')).toMatch(expected)
  })

  it('tells of twins, and never throws', () => {
    expect(lint(rule(), rule({ id: 'user.other' })).join('\n')).toMatch(/pattern is that of user.ticket/)
    expect(lint(rule(), rule()).join('\n')).toMatch(/error: its id stands twice/)
    expect(lint(null, 5, {})).toHaveLength(3)
    expect(lintUserRules('x' as never)).toHaveLength(1)
  })
})
