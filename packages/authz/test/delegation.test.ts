import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPolicy, type Principal } from '../src/index.ts'
import { asked } from './generate.ts'
import { call, key, token } from './support.ts'

const under = (child: Principal, ...issuers: Principal[]): Principal => {
  const [first, ...above] = [child, ...issuers].toReversed() as [Principal, ...Principal[]]
  return above.reduce((delegatedBy, one) => ({ ...one, delegatedBy }), first)
}

describe('a delegated principal', () => {
  const policy = createPolicy()

  it('may do what it and its issuer may', () => {
    const child = under(key('get_*', 'echo'), key('get_*', 'set_*'))
    expect(policy.decide(child, call('get_time'))).toEqual({
      allowed: true,
      reason: 'granted',
      grant: 'get_*',
      cost: 1,
      limits: [],
      argumentRules: false,
    })
    expect(policy.decide(child, call('echo'))).toMatchObject({ allowed: false, reason: 'no_grant', delegation: 1 })
    expect(policy.decide(child, call('echo'))).not.toHaveProperty('grant')
    expect(policy.decide(child, call('set_x'))).toMatchObject({ allowed: false, reason: 'no_grant' })
    expect(policy.decide(child, call('set_x'))).not.toHaveProperty('delegation')
  })

  it('is bound by a deny anywhere above it, and told whose it is', () => {
    const child = under(key('*'), key('*'), key('*', '!delete_*'), key())
    expect(policy.decide(child, call('delete_x'))).toMatchObject({
      allowed: false,
      reason: 'denied',
      grant: '!delete_*',
      delegation: 2,
    })
    expect(policy.decide(child, call('get_x'))).toMatchObject({ reason: 'no_grant', delegation: 3 })
  })

  it('loses what its issuer loses', () => {
    const before = key('get_*')
    expect(policy.decide(under(key('get_*'), before), call('get_x')).allowed).toBe(true)
    expect(policy.decide(under(key('get_*'), { ...before, grants: [] }), call('get_x')).allowed).toBe(false)
  })

  it('gets nothing that is admin from an issuer with *', () => {
    const keys = { kind: 'admin', server: 'local', name: 'keys' } as const
    expect(policy.decide(under(key('admin:*'), key('*')), keys)).toMatchObject({ reason: 'no_grant', delegation: 1 })
    expect(policy.decide(under(key('admin:*'), key('admin:keys')), keys).allowed).toBe(true)
  })

  it('has at most eight issuers, and none of a circle', () => {
    const issuers = (count: number): Principal => under(key('*'), ...Array.from({ length: count }, () => key('*')))
    expect(policy.decide(issuers(8), call('x')).allowed).toBe(true)
    expect(policy.allowsTemplate(issuers(8), 'local', 'note://{id}')).toBe(true)
    const tooLong = { allowed: false, reason: 'no_grant', delegation: 9 }
    expect(policy.decide(issuers(9), call('x'))).toMatchObject(tooLong)
    expect(policy.decide(issuers(500), call('x'))).toMatchObject(tooLong)
    expect(policy.allowsTemplate(issuers(9), 'local', 'note://{id}')).toBe(false)
    const circular: { -readonly [K in keyof Principal]: Principal[K] } = key('*')
    circular.delegatedBy = { ...key('*'), delegatedBy: circular }
    expect(policy.decide(circular, call('x'))).toMatchObject(tooLong)
    expect(policy.explain(circular, call('x')).steps.at(-1)).toBe('refused: no_grant (issuer 9)')
    expect(policy.allowsTemplate(circular, 'local', 'note://{id}')).toBe(false)
    circular.delegatedBy = circular
    expect(policy.decide(circular, call('x'))).toMatchObject(tooLong)
  })

  it('of a chain that is too long is charged as any other refusal', () => {
    const rules = [{ match: 'x', cost: 7, limit: { requests: 1, windowMs: 1 }, arguments: { a: ['1'] } }]
    const chain = under(key('*'), ...Array.from({ length: 9 }, () => key('*')))
    expect(createPolicy({ rules }).decide(chain, call('x', { a: '1' }))).toEqual({
      allowed: false,
      reason: 'no_grant',
      delegation: 9,
      cost: 7,
      limits: ['policy.rules[0]'],
      argumentRules: true,
    })
  })

  it('throws where a principal that is asked has malformed grants, or an issuer that is none', () => {
    expect(() => policy.decide(under(key('*'), key('a:b')), call('x'))).toThrow(
      expect.objectContaining({ code: 'ERR_AUTHZ_GRANT' }),
    )
    expect(policy.decide(under(key(), key('a:b')), call('x')).reason).toBe('no_grant')
    expect(() => policy.decide({ ...key('*'), delegatedBy: null as never }, call('x'))).toThrow(TypeError)
  })

  it('an invalid name is its own refusal', () => {
    expect(policy.decide(under(key('*'), key('*')), call('a\n'))).toEqual({
      allowed: false,
      reason: 'invalid_name',
      cost: 1,
      limits: [],
      argumentRules: false,
    })
  })

  it('sees the templates that all see', () => {
    const child = key('resource:note://**')
    expect(policy.allowsTemplate(under(child, key('*')), 'local', 'note://{id}')).toBe(true)
    expect(policy.allowsTemplate(under(child, key('tool:*')), 'local', 'note://{id}')).toBe(false)
    expect(policy.allowsTemplate(under(child, key('*'), key('*', '!resource:*')), 'local', 'note://{id}')).toBe(false)
    expect(policy.allowsTemplate(under(key('tool:*'), key('*')), 'local', 'note://{id}')).toBe(false)
    const scoped = createPolicy({ rules: [{ match: 'resource:*', requireScopes: ['db'] }] })
    expect(scoped.allowsTemplate(under(child, token('mcp:resource:*')), 'local', 'note://{id}')).toBe(false)
    expect(scoped.allowsTemplate(under(child, token('mcp:resource:*', 'db')), 'local', 'note://{id}')).toBe(true)
  })
})

describe('rules and delegation', () => {
  const policy = createPolicy({
    rules: [
      { match: 'x', cost: 5, limit: { requests: 9, windowMs: 1000 }, arguments: { a: ['1'] } },
      { match: 'x', requireScopes: ['write'] },
    ],
  })

  it('one set of rules binds all, once', () => {
    expect(policy.decide(under(key('*'), key('*'), key('*')), call('x', { a: '1' }))).toEqual({
      allowed: true,
      reason: 'granted',
      grant: '*',
      cost: 5,
      limits: ['policy.rules[0]'],
      argumentRules: true,
    })
    expect(policy.decide(under(key('*'), key()), call('x', { a: '2' }))).toMatchObject({ reason: 'argument' })
    expect(policy.decide(under(key('*'), key()), call('x', { a: '2' }))).not.toHaveProperty('delegation')
    expect(policy.decide(under(key('*'), key()), call('x', { a: '1' }))).toMatchObject({ cost: 5, delegation: 1 })
  })

  it('challenges for scopes only where those of the principal itself are all that lacks', () => {
    const asked = call('x', { a: '1' })
    const poor = token('mcp:tool:x')
    const rich = token('mcp:tool:x', 'write')
    expect(policy.decide(under(poor, key('*')), asked)).toMatchObject({ reason: 'scope', missingScopes: ['write'] })
    expect(policy.decide(under(poor, key('*')), asked)).not.toHaveProperty('delegation')
    expect(policy.decide(under(rich, key('*')), asked).allowed).toBe(true)
    for (const child of [poor, rich, key('*')]) {
      const byScope = policy.decide(under(child, poor), asked)
      expect(byScope).toMatchObject({ allowed: false, reason: 'scope', rule: 'policy.rules[1]', delegation: 1 })
      expect(byScope).not.toHaveProperty('missingScopes')
      expect(policy.decide(under(child, key()), asked)).toMatchObject({ reason: 'no_grant', delegation: 1 })
      expect(policy.decide(under(child, key()), asked)).not.toHaveProperty('missingScopes')
    }
    expect(policy.decide(under(token(), key('*')), asked).missingScopes).toEqual(['write', 'mcp:tool:x'])
    expect(policy.decide(under(token(), key()), asked)).not.toHaveProperty('missingScopes')
  })

  it('monitored rules are told for all that were asked', () => {
    const watching = createPolicy({
      rules: [
        { match: 'x', arguments: { a: ['1'] }, mode: 'monitor' },
        { match: 'x', requireScopes: ['write'], mode: 'monitor' },
      ],
    })
    const child = under(key('*'), token('mcp:tool:*'), token('mcp:tool:*'))
    const both = ['policy.rules[0]', 'policy.rules[1]']
    expect(watching.decide(child, call('x', { a: '2' }))).toMatchObject({ allowed: true, monitored: both })
    expect(watching.decide(child, call('x', { a: '1' })).monitored).toEqual(['policy.rules[1]'])
    expect(watching.decide(under(key('*'), key('*')), call('x', { a: '1' }))).not.toHaveProperty('monitored')
    const scope = ['policy.rules[1]']
    expect(watching.decide(under(token('mcp:tool:*'), key('*')), call('x', { a: '1' })).monitored).toEqual(scope)
    expect(watching.decide(under(token('mcp:tool:*'), key()), call('x', { a: '1' })).monitored).toEqual(scope)
    expect(watching.decide(under(key('*'), token('mcp:tool:*'), key()), call('x', { a: '2' }))).toMatchObject({
      allowed: false,
      delegation: 2,
      monitored: both,
    })
  })
})

it('a chain is allowed what everybody in it is, and explained as it is decided', () => {
  const policy = createPolicy({
    rules: [
      { match: 'get*', requireScopes: ['a'] },
      { match: '*', arguments: { x: ['1'] } },
    ],
  })
  const counts = { allowed: 0, refused: 0 }
  fc.assert(
    fc.property(asked, asked, fc.boolean(), (one, other, scoped) => {
      const child = scoped ? token('mcp:tool:*', 'mcp:resource:*') : key('*', ...one.grants)
      const issuers = [key(...one.grants), { ...token('a'), grants: ['*', ...other.grants] }]
      const chain = under(child, ...issuers)
      for (const action of one.actions) {
        for (const ask of [action, { ...action, arguments: { x: '1' } }, { ...action, arguments: { x: '2' } }]) {
          const decision = policy.decide(chain, ask)
          const all = [child, ...issuers].every((principal) => policy.decide(principal, ask).allowed)
          expect(decision.allowed).toBe(all)
          expect(policy.explain(chain, ask).decision).toEqual(decision)
          counts[all ? 'allowed' : 'refused']++
        }
      }
    }),
    { numRuns: 400 },
  )
  expect(Math.min(counts.allowed, counts.refused) / (counts.allowed + counts.refused)).toBeGreaterThan(0.05)
}, 60_000)

describe('explain', () => {
  const policy = createPolicy({
    rules: [{ match: 'get_*', cost: 2 }, { match: 'x', requireScopes: ['write'] }, { match: '*' }],
  })
  const named = (id: string, principal: Principal): Principal => ({ ...principal, id })

  it('names the place of each deciding line and rule, and whose it is', () => {
    const child = named(
      'child',
      under(key('echo', 'get_*'), named('ci', key('*')), named('root', key('*', '!x', '!get_*'))),
    )
    const explained = policy.explain(child, call('get_time'))
    expect(explained.decision).toEqual(policy.decide(child, call('get_time')))
    expect(explained.decision).toMatchObject({ reason: 'denied', delegation: 2 })
    expect(explained.grants).toEqual([
      { place: 'grants[1]', text: 'get_*', principal: 'child' },
      { place: 'delegatedBy.grants[0]', text: '*', principal: 'ci' },
      { place: 'delegatedBy.delegatedBy.grants[2]', text: '!get_*', principal: 'root' },
    ])
    expect(explained.rules).toEqual(['policy.rules[0]', 'policy.rules[2]'])
    expect(explained.steps).toEqual([
      'grants: granted by grants[1] "get_*"',
      'policy.rules[0] ("get_*") applies',
      'policy.rules[2] ("*") applies',
      'delegatedBy.grants: granted by delegatedBy.grants[0] "*"',
      'delegatedBy.delegatedBy.grants: denied by delegatedBy.delegatedBy.grants[2] "!get_*"',
      'refused: denied (issuer 2)',
    ])
  })

  it('says that nothing matched, and what scopes an issuer lacks', () => {
    expect(policy.explain(key('echo'), call('y'))).toMatchObject({
      grants: [],
      rules: ['policy.rules[2]'],
      steps: ['grants: no_grant', 'policy.rules[2] ("*") applies', 'refused: no_grant'],
    })
    expect(policy.explain(under(key('x'), token('mcp:tool:x')), call('x')).steps).toEqual([
      'grants: granted by grants[0] "x"',
      'policy.rules[1] ("x") applies',
      'policy.rules[2] ("*") applies',
      'delegatedBy.grants: granted by delegatedBy.grants[0] "tool:x"',
      'policy.rules[1]: issuer 1 lacks scopes write',
      'refused: scope (issuer 1)',
    ])
  })
})
