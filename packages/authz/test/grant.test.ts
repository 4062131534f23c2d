import { describe, expect, it } from 'vitest'
import { type Action, type ActionKind, AuthzError, compileGrants } from '../src/index.ts'

const act = (kind: ActionKind, server: string, name: string): Action => ({ kind, server, name })
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

const read = (grants: string[], uri: string, server = 'local'): boolean => can(grants, 'resource', server, uri)

describe('resources', () => {
  it('tells a server from a URI', () => {
    expect(read(['resource:file:///data/**'], 'file:///data/a/b')).toBe(true)
    expect(read(['resource:file:///data/**'], 'file:///data/a/b', 'files')).toBe(false)
    expect(read(['resource:files/file:///data/**'], 'file:///data/a/b', 'files')).toBe(true)
    expect(read(['resource:files/file:///data/**'], 'file:///data/a/b')).toBe(false)
    expect(read(['resource:*/file:///data/**'], 'file:///data/a/b', 'x')).toBe(true)
    expect(read(['resource:files/**'], 'note://x', 'files')).toBe(true)
    expect(read(['resource:**'], 'note://x', 'files')).toBe(false)
    expect(read(['resource:urn:isbn:*'], 'urn:isbn:123')).toBe(true)
    expect(read(['resource:x/urn:isbn:*'], 'urn:isbn:123', 'x')).toBe(true)
  })

  it('* stays inside a segment, ** does not, and two stars between slashes stand for no directory too', () => {
    expect(read(['resource:file:///data/*'], 'file:///data/a')).toBe(true)
    expect(read(['resource:file:///data/*'], 'file:///data/a/b')).toBe(false)
    expect(read(['resource:file:///data/*.txt'], 'file:///data/a.txt')).toBe(true)
    expect(read(['resource:file:///data/**/x'], 'file:///data/x')).toBe(true)
    expect(read(['resource:file:///data/**/x'], 'file:///data/1/2/x')).toBe(true)
    expect(read(['resource:file:///data/**/x'], 'file:///data/1/2/yx')).toBe(false)
    expect(read(['resource:file:///data/**'], 'file:///database')).toBe(false)
  })

  it('decides on canonical URIs only', () => {
    for (const uri of [
      'file:///data/../etc/passwd',
      'FILE:///data/a',
      'file:///data/%2e%2e/x',
      'file:///data//a',
      'data/a',
      '',
    ]) {
      expect(compileGrants(['*', 'resource:file:///data/**']).decide(act('resource', 'local', uri)).reason).toBe(
        'invalid_name',
      )
    }
  })

  it('patterns are canonicalised like URIs', () => {
    expect(read(['resource:HTTPS://Example.COM:443/**'], 'https://example.com/a')).toBe(true)
    expect(read(['resource:https://example.com'], 'https://example.com/')).toBe(true)
    expect(read(['resource:file:///a b/é'], 'file:///a%20b/%C3%A9')).toBe(true)
    expect(read(['resource:file:///%c3%a9'], 'file:///%C3%A9')).toBe(true)
  })

  it('a deny holds whatever host a file: URI names and however a host is ended', () => {
    const grants = ['resource:*', '!resource:http://intranet.local/**', '!resource:file:///data/secret/**']
    const read = (name: string): boolean => can(grants, 'resource', 'local', name)
    expect(read('http://intranet.local/x')).toBe(false)
    expect(read('http://intranet.local./x')).toBe(false)
    expect(read('http://intranet.locale/x')).toBe(true)
    expect(read('file:///data/secret/x')).toBe(false)
    expect(read('file://anything/data/secret/x')).toBe(false)
    expect(read('file://127.0.0.1/data/secret/x')).toBe(false)
    expect(read('file:///data/open/x')).toBe(true)
    expect(can(['resource:*', '!resource:file://*/data/**'], 'resource', 'local', 'file:///data/x')).toBe(false)
    expect(can(['resource:*', '!resource:file://**'], 'resource', 'local', 'file:///data/x')).toBe(false)
  })

  it('a deny is not escaped by path parameters, and an allow is not widened by them', () => {
    const grants = ['resource:*', '!resource:http://h/v1/admin/**', '!resource:http://h/v1/keys']
    const read = (name: string): boolean => can(grants, 'resource', 'local', name)
    for (const path of [
      'v1/admin;a=1/users',
      'v1;x/admin/users',
      'v1;x/admin;y;z/users;w?q=a;b',
      'v1/admin%3Ba=1/users',
      'v1/admin;/users',
      'v1/keys;a',
      'v1/keys;a/',
      'v1;a/keys/',
    ]) {
      expect([path, read(`http://h/${path}`)]).toEqual([path, false])
    }
    expect(read('http://h;x/v1/keys')).toBe(false)
    expect(read('http://h/v1/other?a=1;/admin/x')).toBe(true)
    expect(read('http://h/v1/administrators;a/x')).toBe(true)
    expect(can(['resource:http://h/v1/open/**'], 'resource', 'local', 'http://h/v1/open;a=1/x')).toBe(false)
    expect(can(['resource:*', '!resource:http://h/a;b=1/x'], 'resource', 'local', 'http://h/a;b=1/x')).toBe(false)
    expect(can(['resource:*', '!resource:http://h/a;b=1/x'], 'resource', 'local', 'http://h/a/x')).toBe(true)
  })

  it('a deny also covers spellings that servers read as the same', () => {
    const grants = ['*', '!resource:file:///secret', '!resource:file:///keys(1)', '!resource:file:///vault/**']
    expect(read(grants, 'file:///secret')).toBe(false)
    expect(read(grants, 'file:///secret/')).toBe(false)
    expect(read(grants, 'file:///keys%281%29')).toBe(false)
    expect(read(grants, 'file:///vault')).toBe(false)
    expect(read(grants, 'file:///vaults')).toBe(true)
    expect(read(['resource:file:///keys(1)'], 'file:///keys%281%29')).toBe(false)
    expect(read(['resource:note://a', '!resource:x/note://a'], 'note://a')).toBe(true)
  })
})
