import { describe, expect, it } from 'vitest'
import { type ActionKind, AuthzError, compileGrants } from '../src/index.ts'
import { act } from './support.ts'

const can = (grants: string[], kind: ActionKind, server: string, name: string): boolean =>
  compileGrants(grants).decide(act(kind, server, name)).allowed

describe('malformed grants', () => {
  const malformed = [
    '',
    '!',
    '!!get_*',
    ' get_*',
    'get_* ',
    'get *',
    'tool:',
    'Tool:x',
    'tools:x',
    'mcp:tool:x',
    'a:b',
    'get_[ab]',
    'get_?',
    'naïve',
    'a/b/c',
    'GitHub/x',
    '/x',
    'x/',
    'git_hub/x',
    'github/*/x',
    '**/x',
    'get_**',
    'a%',
    'a%2',
    'a%zz',
    'a%+1',
    'a%C0%AF',
    'a%ED%A0%80',
    'a%00',
    'a%0A',
    'a%7f',
    `${'a'.repeat(1025)}`,
    `tool:${'a'.repeat(5000)}`,
    'resource:',
    'resource:files/',
    'resource:files/*',
    'resource:files/data/x',
    'resource:file:///a/../b',
    'resource:file:///a//b',
    'resource:file:///%61',
    'resource:file:///a%2Fb',
    'resource:https://user@host/**',
    'resource:*://host/**',
    'resource:file:///***',
    'resource:file://server/share/**',
    'resource:file://*x/share/**',
    'resource:http://intranet.local./**',
    'resource:http://*./**',
    'resource:file:///a#b',
    'resource:https://**Secret/x',
    'resource:file:///a\u0000',
    'resource:file:///\uE000',
    'prompt:a:b',
    'everything:*',
  ]
  it.each(malformed)('%j is an error', (grant) => {
    expect(() => compileGrants([grant])).toThrow(AuthzError)
    expect(() => compileGrants([grant])).toThrow(expect.objectContaining({ code: 'ERR_AUTHZ_GRANT', fault: 'invalid' }))
  })

  it('names the grant JSON-encoded and what is wrong', () => {
    expect(() => compileGrants(['ok', 'bad\nname'])).toThrow(
      'grant "bad\\nname" is malformed: "\\n" is written percent-encoded in a name',
    )
    expect(() => compileGrants(['Tool:x'])).toThrow('"Tool" is not a kind (tool, resource, prompt, server, admin)')
    expect(() => compileGrants(['resource:files/*'])).toThrow('every resource of a server is written SERVER/**')
  })

  it('refuses what is not an array of strings', () => {
    expect(() => compileGrants('get_*' as unknown as string[])).toThrow('grants must be an array')
    expect(() => compileGrants([null as unknown as string])).toThrow('it is not a string')
    expect(() => compileGrants(Array.from({ length: 1 }) as string[])).toThrow('it is not a string')
  })
})

describe('where a grant applies', () => {
  it('without a server an allow means local', () => {
    expect(can(['get_*'], 'tool', 'local', 'get_time')).toBe(true)
    expect(can(['get_*'], 'tool', 'github', 'get_time')).toBe(false)
    expect(can(['tool:get_time'], 'tool', 'local', 'get_time')).toBe(true)
  })

  it('without a server a deny means every server', () => {
    expect(can(['*', '!delete_*'], 'tool', 'github', 'delete_repo')).toBe(false)
    expect(can(['*', '!delete_*'], 'tool', 'local', 'delete_repo')).toBe(false)
    expect(can(['*', '!github/delete_*'], 'tool', 'gitlab', 'delete_repo')).toBe(true)
  })

  it('a deny wins wherever it stands and however exact the allow is', () => {
    expect(can(['!echo', 'echo', '*', 'tool:*', 'local/echo'], 'tool', 'local', 'echo')).toBe(false)
    expect(compileGrants(['*', '!echo']).decide(act('tool', 'local', 'echo'))).toEqual({
      allowed: false,
      reason: 'denied',
      grant: '!echo',
    })
  })

  it('* alone is everything on every server, except admin', () => {
    for (const kind of ['tool', 'resource', 'prompt', 'server'] as const) {
      expect(can(['*'], kind, 'any-server', kind === 'resource' ? 'note://a' : 'strange name')).toBe(true)
    }
    expect(can(['*'], 'admin', 'local', 'keys')).toBe(false)
    expect(can(['admin:*'], 'admin', 'local', 'keys')).toBe(true)
    expect(can(['admin:keys'], 'admin', 'local', 'keys')).toBe(true)
  })

  it('kind:* is all of that kind on every server and nothing else', () => {
    expect(can(['tool:*'], 'tool', 'github', 'a b')).toBe(true)
    expect(can(['tool:*'], 'prompt', 'github', 'a')).toBe(false)
    expect(can(['resource:*'], 'resource', 'files', 'file:///etc/passwd')).toBe(true)
    expect(can(['*', '!tool:*'], 'tool', 'github', 'x')).toBe(false)
  })

  it('a server is compared whole', () => {
    expect(can(['github/*'], 'tool', 'githubenterprise', 'x')).toBe(false)
    expect(can(['github/*'], 'tool', 'github', 'x')).toBe(true)
    expect(can(['*/search'], 'tool', 'anything', 'search')).toBe(true)
    expect(can(['*/search'], 'tool', 'anything', 'searches')).toBe(false)
  })

  it('the kind defaults to tool', () => {
    expect(can(['greet'], 'prompt', 'local', 'greet')).toBe(false)
    expect(can(['prompt:greet'], 'prompt', 'local', 'greet')).toBe(true)
    expect(can(['prompt:greet'], 'tool', 'local', 'greet')).toBe(false)
    expect(can(['server:logging'], 'server', 'local', 'logging')).toBe(true)
    expect(can(['tool'], 'tool', 'local', 'tool')).toBe(true)
  })
})

describe('names', () => {
  it('* runs over [A-Za-z0-9_.-] only, and over nothing too', () => {
    expect(can(['get_*'], 'tool', 'local', 'get_')).toBe(true)
    expect(can(['get_*'], 'tool', 'local', 'get_A-z.9_')).toBe(true)
    expect(can(['get_*'], 'tool', 'local', 'get_a b')).toBe(false)
    expect(can(['get_*'], 'tool', 'local', 'get_a/b')).toBe(false)
    expect(can(['get_*'], 'tool', 'local', 'get_é')).toBe(false)
    expect(can(['*_time'], 'tool', 'local', 'get_time')).toBe(true)
    expect(can(['*_time'], 'tool', 'local', 'x y_time')).toBe(false)
    expect(can(['a*b*c'], 'tool', 'local', 'a1b2b3c')).toBe(true)
    expect(can(['a*b*c'], 'tool', 'local', 'a1b2b3d')).toBe(false)
    expect(can(['local/*'], 'tool', 'local', 'a b')).toBe(false)
    expect(can(['a*%20*b'], 'tool', 'local', 'a1 2b')).toBe(true)
    expect(can(['a*%20*b'], 'tool', 'local', 'a1 2 3b')).toBe(false)
  })

  it('in a deny * runs over any character, so that no spelling of a name escapes it', () => {
    const grants = ['*', '!delete_*', '!*_secret', '!a*z', '!prompt:x/*']
    for (const name of ['delete_ü', 'delete_a b', 'delete_', 'delete_a/b', 'delete_日😀', 'ü_secret', 'a z', 'a:/z']) {
      expect(can(grants, 'tool', 'local', name)).toBe(false)
      expect(can(grants, 'tool', 'other', name)).toBe(false)
    }
    expect(can(grants, 'tool', 'local', 'undelete_ü')).toBe(true)
    expect(can(grants, 'prompt', 'x', 'ä b')).toBe(false)
    expect(can(grants, 'prompt', 'y', 'ä b')).toBe(true)
    expect(can(['delete_*'], 'tool', 'local', 'delete_ü')).toBe(false)
    expect(can(['*_x'], 'tool', 'local', 'ü_x')).toBe(false)
    expect(can(['a*z'], 'tool', 'local', 'a z')).toBe(false)
  })

  it('is case-sensitive and matches the whole name', () => {
    expect(can(['echo'], 'tool', 'local', 'Echo')).toBe(false)
    expect(can(['echo'], 'tool', 'local', 'echo2')).toBe(false)
    expect(can(['echo'], 'tool', 'local', 'xecho')).toBe(false)
  })

  it('escapes decode to the raw name, which is never decoded', () => {
    expect(can(['a%2Fb'], 'tool', 'local', 'a/b')).toBe(true)
    expect(can(['a%2Fb'], 'tool', 'local', 'a%2Fb')).toBe(false)
    expect(can(['%E6%97%A5'], 'tool', 'local', '日')).toBe(true)
    expect(can(['%2A'], 'tool', 'local', '*')).toBe(true)
    expect(can(['%2A'], 'tool', 'local', 'x')).toBe(false)
    expect(can(['%67et'], 'tool', 'local', 'get')).toBe(true)
    expect(can(['%EF%BB%BFx'], 'tool', 'local', 'x')).toBe(false)
  })

  it.each([
    ['empty', ''],
    ['too long', 'a'.repeat(1025)],
    ['NUL', 'a\u0000'],
    ['newline', 'a\nb'],
    ['C1', 'a\u0085'],
    ['bidi override', 'a\u202Eb'],
    ['lone surrogate', 'a\uD800'],
    ['lone low surrogate', '\uDC00a'],
  ])('%s is invalid_name even for *', (_what, name) => {
    expect(compileGrants(['*', 'tool:*']).decide(act('tool', 'local', name))).toEqual({
      allowed: false,
      reason: 'invalid_name',
    })
  })

  it('refuses an unknown kind, a bad server and a name that is no string', () => {
    const all = compileGrants(['*'])
    expect(all.decide(act('constructor' as ActionKind, 'local', 'x')).reason).toBe('invalid_name')
    expect(all.decide(act('tool', 'Local', 'x')).reason).toBe('invalid_name')
    expect(all.decide(act('tool', '', 'x')).reason).toBe('invalid_name')
    expect(all.decide(act('tool', '*', 'x')).reason).toBe('invalid_name')
    expect(all.decide(act('tool', 'local', ['x'] as unknown as string)).reason).toBe('invalid_name')
  })

  it('names of Object.prototype are ordinary names', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(can(['echo'], 'tool', 'local', name)).toBe(false)
      expect(can([name], 'tool', 'local', name)).toBe(true)
    }
  })
})

describe('lists', () => {
  it('filter keeps what decide allows, in order, same objects', () => {
    const actions = ['get_b', 'set_a', 'get_a', 'get_secret'].map((name) => ({
      ...act('tool', 'local', name),
      extra: 1,
    }))
    const kept = compileGrants(['get_*', '!get_secret']).filter(actions)
    expect(kept).toEqual([actions[0], actions[2]])
    expect(kept[0]).toBe(actions[0])
  })

  it('compiles an array once', () => {
    const grants = ['get_*']
    expect(compileGrants(grants)).toBe(compileGrants(grants))
    expect(compileGrants([])).not.toBe(compileGrants(grants))
  })
})
