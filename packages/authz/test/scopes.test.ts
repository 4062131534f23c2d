import { describe, expect, it } from 'vitest'
import { compileGrants, defaultGrants, grantsFromScopes, scopesMayConnect } from '../src/index.ts'

describe('grantsFromScopes', () => {
  it('reads mcp: scopes as grants', () => {
    expect(
      grantsFromScopes([
        'mcp:tool:get_time',
        'mcp:tool:*',
        'mcp:resource:files/file:///a/**',
        'mcp:prompt:greet',
        'mcp:server:access',
      ]),
    ).toEqual(['tool:get_time', 'tool:*', 'resource:files/file:///a/**', 'prompt:greet', 'server:access'])
  })

  it('ignores every other scope, malformed ones too, and grants no admin', () => {
    const scopes = [
      'openid',
      'tool:x',
      'mcp:',
      'mcp:*',
      'mcp:!tool:x',
      'mcp:tool:',
      'mcp:tool:!x',
      'mcp:tool:a/b/c',
      'mcp:admin:*',
      'MCP:tool:x',
      '*',
      'get_*',
    ]
    expect(grantsFromScopes(scopes)).toEqual([])
    expect(grantsFromScopes([null, 5, {}] as never)).toEqual([])
  })

  it('follows the table once around, own keys only', () => {
    const implies = { 'mcp:tools': ['mcp:tool:*', 'mcp:tools'], staff: ['mcp:tools'] }
    expect(grantsFromScopes(['staff'], implies)).toEqual(['tool:*'])
    expect(grantsFromScopes(['constructor', '__proto__'], implies)).toEqual([])
  })

  it('is frozen and makes no grant from a flood', () => {
    const flood = [...Array.from({ length: 5000 }, (_, i) => `x${i}`), 'mcp:tool:*']
    expect(grantsFromScopes(flood)).toEqual([])
    expect(Object.isFrozen(grantsFromScopes(['mcp:tool:x']))).toBe(true)
  })

  it('to connect takes any mcp: scope', () => {
    expect(scopesMayConnect(['openid'])).toBe(false)
    expect(scopesMayConnect(['mcp:'])).toBe(false)
    expect(scopesMayConnect([])).toBe(false)
    expect(scopesMayConnect(['mcp:server:access'])).toBe(true)
    expect(scopesMayConnect(['mcp:prompt:x'])).toBe(true)
    expect(scopesMayConnect(['staff'], { staff: ['mcp:server:access'] })).toBe(true)
  })
})

describe('defaultGrants', () => {
  it('holds for the three names and no other', () => {
    expect(defaultGrants('default')).toEqual(['*'])
    expect(defaultGrants('readonly')).toEqual(['get_*', 'list_*'])
    expect(defaultGrants('limited')).toEqual(['hello_world', 'echo'])
    for (const name of ['', 'production', 'Default', '__proto__', 'constructor'])
      expect(defaultGrants(name)).toEqual([])
    expect(
      compileGrants(defaultGrants('readonly')).decide({ kind: 'tool', server: 'local', name: 'get_time' }).allowed,
    ).toBe(true)
  })

  it('cannot be changed by a caller', () => {
    expect(() => (defaultGrants('limited') as string[]).push('*')).toThrow(TypeError)
    expect(() => (defaultGrants('x') as string[]).push('*')).toThrow(TypeError)
  })
})
