import { describe, expect, it } from 'vitest'
import { AuthzError, createPolicy, type PolicyRule, type Principal } from '../src/index.ts'
import { call, key, token } from './support.ts'

describe('decide', () => {
  it('without rules it is the grants', () => {
    const policy = createPolicy()
    expect(policy.decide(key('echo'), call('echo', {}))).toEqual({
      allowed: true,
      reason: 'granted',
      grant: 'echo',
      cost: 1,
      limits: [],
      argumentRules: false,
    })
    expect(policy.decide(key(), call('echo')).reason).toBe('no_grant')
    expect(policy.decide(key('*', '!echo'), call('echo'))).toMatchObject({
      allowed: false,
      reason: 'denied',
      grant: '!echo',
    })
    expect(policy.decide(key('*'), call('')).reason).toBe('invalid_name')
  })

  it('throws on a principal whose own grants are malformed', () => {
    expect(() => createPolicy().decide(key('a:b'), call('echo'))).toThrow(AuthzError)
  })

  it('a rule restricts and never grants', () => {
    const policy = createPolicy({ rules: [{ match: '*', cost: 3 }] })
    expect(policy.decide(key(), call('echo'))).toMatchObject({ allowed: false, reason: 'no_grant', cost: 3 })
  })

  it('a rule without a server holds on every server, with one on that server', () => {
    const policy = createPolicy({
      rules: [
        { match: 'echo', cost: 2 },
        { match: 'github/ping', cost: 3 },
      ],
    })
    expect(policy.decide(key('*'), call('echo', {}, 'x')).cost).toBe(2)
    expect(policy.decide(key('*'), call('ping', {}, 'github')).cost).toBe(3)
    expect(policy.decide(key('*'), call('ping', {}, 'githubenterprise')).cost).toBe(1)
  })

  it('the first matching rule that states a cost wins, 0 included; the limits of all are charged', () => {
    const limit = { requests: 10, windowMs: 60_000 }
    const policy = createPolicy({
      rules: [
        { match: 'get_*', limit },
        { match: 'get_free', cost: 0, limit },
        { match: 'get_*', cost: 5 },
        { match: 'set_*', limit },
      ],
    })
    expect(policy.limits).toEqual([
      { name: 'policy.rules[0]', limit: 10, windowMs: 60_000 },
      { name: 'policy.rules[1]', limit: 10, windowMs: 60_000 },
      { name: 'policy.rules[3]', limit: 10, windowMs: 60_000 },
    ])
    expect(policy.decide(key('*'), call('get_free'))).toMatchObject({
      cost: 0,
      limits: ['policy.rules[0]', 'policy.rules[1]'],
    })
    expect(policy.decide(key('*'), call('get_other'))).toMatchObject({ cost: 5, limits: ['policy.rules[0]'] })
  })

  it('rules on resources hold for spellings that servers read as the same', () => {
    const policy = createPolicy({ rules: [{ match: 'resource:note://a(1)', cost: 7 }] })
    expect(policy.decide(key('*'), { kind: 'resource', server: 'x', name: 'note://a%281%29' }).cost).toBe(7)
  })
})

describe('scopes', () => {
  const rules: PolicyRule[] = [{ match: 'github/*', requireScopes: ['repo:write', 'mcp:tool:github'] }]
  const policy = createPolicy({ rules })
  const issue = call('create_issue', {}, 'github')

  it('bind OAuth principals only', () => {
    expect(policy.decide(key('github/*'), issue).allowed).toBe(true)
    expect(policy.decide(token('mcp:tool:github/*', 'repo:write', 'mcp:tool:github'), issue).allowed).toBe(true)
  })

  it('names every scope lacking, at once', () => {
    expect(policy.decide(token('mcp:tool:github/*'), issue)).toMatchObject({
      allowed: false,
      reason: 'scope',
      rule: 'policy.rules[0]',
      missingScopes: ['repo:write', 'mcp:tool:github'],
    })
    expect(policy.decide(token('repo:write'), issue).missingScopes).toEqual([
      'mcp:tool:github',
      'mcp:tool:github/create_issue',
    ])
  })

  it('is silent about scopes where they would not help', () => {
    const denied: Principal = { ...token('mcp:tool:*'), grants: ['tool:*', '!create_issue'] }
    expect(policy.decide(denied, issue)).toMatchObject({ allowed: false, reason: 'denied' })
    expect(policy.decide(denied, issue)).not.toHaveProperty('missingScopes')
    expect(policy.decide(key('echo'), issue)).not.toHaveProperty('missingScopes')
    const constrained = createPolicy({ rules: [{ match: 'echo', requireScopes: ['a'], arguments: { x: ['1'] } }] })
    expect(constrained.decide(token('mcp:tool:echo'), call('echo', { x: '2' }))).toMatchObject({ reason: 'argument' })
    expect(constrained.decide(token('mcp:tool:echo'), call('echo', { x: '2' }))).not.toHaveProperty('missingScopes')
    expect(createPolicy().decide(token(), { kind: 'admin', server: 'local', name: 'keys' })).toMatchObject({
      reason: 'no_grant',
    })
  })

  it('a token without the grant is told the scope of the tool; a hidden tool and one that is not there look the same', () => {
    expect(createPolicy().decide(token('mcp:server:access'), call('get time'))).toMatchObject({
      reason: 'scope',
      missingScopes: ['mcp:tool:get%20time'],
    })
    const read = { kind: 'resource', server: 'files', name: 'file:///a' } as const
    expect(createPolicy().decide(token(), read).missingScopes).toEqual(['mcp:resource:files/file:///a'])
  })

  it('honours the table, transitively, and mcp:KIND:*', () => {
    const implied = createPolicy({ rules, implies: { org: ['team'], team: ['repo:write'], x: ['x'] } })
    expect(implied.decide(token('mcp:tool:*', 'org'), issue).allowed).toBe(true)
    expect(implied.decide(token('mcp:tool:*', 'x'), issue).missingScopes).toEqual(['repo:write'])
  })

  it('claims that are no array of strings hold no scope', () => {
    for (const claims of [undefined, {}, { scopes: 'repo:write' }, { scopes: [1, null] }]) {
      const principal = { ...token(), grants: ['github/*'], ...(claims === undefined ? { claims: {} } : { claims }) }
      expect(policy.decide(principal, issue).missingScopes).toEqual(['repo:write', 'mcp:tool:github'])
    }
  })
})

describe('monitor mode', () => {
  it('reports what would have been refused and changes nothing', () => {
    const policy = createPolicy({
      rules: [
        { match: 'echo', arguments: { x: ['1'] }, cost: 9, limit: { requests: 1, windowMs: 1 }, mode: 'monitor' },
        { match: 'echo', requireScopes: ['s'], mode: 'monitor' },
      ],
    })
    expect(policy.decide(key('*'), call('echo', { x: '2' }))).toMatchObject({
      allowed: true,
      monitored: ['policy.rules[0]'],
      cost: 1,
      limits: [],
      argumentRules: true,
    })
    expect(policy.decide(token('mcp:tool:*'), call('echo', { x: '1' }))).toMatchObject({
      allowed: true,
      monitored: ['policy.rules[1]'],
    })
    expect(policy.decide(key('*'), call('echo', { x: '1' }))).not.toHaveProperty('monitored')
  })
})

describe('allowsTemplate', () => {
  it('asks grants and rules by scope', () => {
    const policy = createPolicy({ rules: [{ match: 'resource:db://**', requireScopes: ['db'] }] })
    const template = 'db://{table}'
    expect(policy.allowsTemplate(key('*'), 'local', template)).toBe(true)
    expect(policy.allowsTemplate(key('tool:*'), 'local', template)).toBe(false)
    expect(policy.allowsTemplate(token('mcp:resource:*'), 'local', template)).toBe(false)
    expect(policy.allowsTemplate(token('mcp:resource:*', 'db'), 'local', template)).toBe(true)
    expect(policy.allowsTemplate(token('mcp:resource:*'), 'local', '{+any}')).toBe(true)
    const all = createPolicy({ rules: [{ match: 'resource:*', requireScopes: ['db'] }] })
    expect(all.allowsTemplate(token('mcp:resource:*'), 'local', template)).toBe(false)
    const watched = createPolicy({ rules: [{ match: 'resource:*', requireScopes: ['db'], mode: 'monitor' }] })
    expect(watched.allowsTemplate(token('mcp:resource:*'), 'local', template)).toBe(true)
    const tools = createPolicy({ rules: [{ match: 'tool:*', requireScopes: ['db'] }] })
    expect(tools.allowsTemplate(token('mcp:resource:*'), 'local', template)).toBe(true)
    const other = createPolicy({ rules: [{ match: 'resource:x/**', requireScopes: ['db'] }] })
    expect(other.allowsTemplate(token('mcp:resource:*'), 'local', template)).toBe(true)
  })
})

describe('explain', () => {
  it('tells the steps of the same decision', () => {
    const policy = createPolicy({ rules: [{ match: 'echo', requireScopes: ['s'], arguments: { x: ['1'] } }] })
    for (const principal of [key('*'), key(), token('mcp:tool:*'), token()]) {
      for (const action of [call('echo'), call('echo', {}), call('echo', { x: '1' }), call('\n')]) {
        expect(policy.explain(principal, action).decision).toEqual(policy.decide(principal, action))
      }
    }
    expect(policy.explain(token('mcp:tool:echo'), call('echo')).steps).toEqual([
      'grants: granted by grants[0] "tool:echo"',
      'policy.rules[0] ("echo") applies; lacks scopes s; arguments are not known yet',
      'scopes: more would change the decision: s',
      'refused: scope',
    ])
  })
})

describe('what does not load', () => {
  const bad: [string, unknown][] = [
    ['match', {}],
    ['match', { match: '!x' }],
    ['malformed', { match: 'a:b' }],
    ['unknown field "requireScope"', { match: 'x', requireScope: ['a'] }],
    ['requireScopes', { match: 'x', requireScopes: ['a b'] }],
    ['requireScopes', { match: 'x', requireScopes: 'a' }],
    ['arguments["r"]', { match: 'x', arguments: { r: [] } }],
    ['arguments["r"]', { match: 'x', arguments: { r: 'a' } }],
    ['arguments["r"]', { match: 'x', arguments: { r: ['***'] } }],
    ['arguments', { match: 'x', arguments: [] }],
    ['cost', { match: 'x', cost: -1 }],
    ['cost', { match: 'x', cost: Number.NaN }],
    ['limit.requests', { match: 'x', limit: { requests: 0, windowMs: 1 } }],
    ['limit.windowMs', { match: 'x', limit: { requests: 1, windowMs: 0.5 } }],
    ['unknown field "window"', { match: 'x', limit: { requests: 1, window: 1 } }],
    ['mode', { match: 'x', mode: 'off' }],
    ['not an object', null],
  ]
  it.each(bad)('%s', (problem, rule) => {
    expect(() => createPolicy({ rules: [{ match: 'ok', cost: 1 }, rule as PolicyRule] })).toThrow(
      expect.objectContaining({ code: 'ERR_AUTHZ_RULE', message: expect.stringContaining('policy.rules[1]') }),
    )
    expect(() => createPolicy({ rules: [rule as PolicyRule] })).toThrow(problem)
  })

  it('options', () => {
    expect(() => createPolicy({ rule: [] } as never)).toThrow(expect.objectContaining({ code: 'ERR_AUTHZ_OPTIONS' }))
    expect(() => createPolicy({ rules: {} } as never)).toThrow(expect.objectContaining({ code: 'ERR_AUTHZ_OPTIONS' }))
    expect(() => createPolicy({ implies: { a: 'b' } } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_AUTHZ_OPTIONS' }),
    )
  })
})
