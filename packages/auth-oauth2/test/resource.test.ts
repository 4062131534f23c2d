import { expect, test } from 'vitest'
import { challenge, parseAuthorization } from '../src/index.ts'

test('challenges say what they must, in one', () => {
  expect(challenge()).toBe('Bearer')
  const resourceMetadata = 'https://mcp.example/.well-known/oauth-protected-resource/mcp'
  expect(challenge({ scopes: ['mcp:server:access'], resourceMetadata })).toBe(
    `Bearer scope="mcp:server:access", resource_metadata="${resourceMetadata}"`,
  )
  expect(challenge({ error: 'insufficient_scope', scopes: ['a', 'offline_access', 'b'] })).toBe(
    'Bearer error="insufficient_scope", scope="a b"',
  )
  expect(challenge({ scheme: 'DPoP', error: 'use_dpop_nonce', algorithms: ['ES256', 'EdDSA'] })).toBe(
    'DPoP error="use_dpop_nonce", algs="ES256 EdDSA"',
  )
})

test('nothing that could break out of a challenge goes in', () => {
  const odd = [
    { error: 'x"' },
    { scopes: ['a b'] },
    { scopes: ['a"'] },
    { scopes: ['a\r\nset-cookie: x'] },
    { resourceMetadata: 'javascript:alert(1)' },
    { resourceMetadata: 'http://mcp.example/' },
    { algorithms: ['ES256"'] },
    { scheme: 'Basic' },
    { more: 1 },
  ]
  for (const options of odd) {
    expect(() => challenge(options as never)).toThrow(expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS' }))
  }
})

test('a token is shown by one scheme and one token', () => {
  expect(parseAuthorization('Bearer abc.DEF-_~+/==')).toEqual({ scheme: 'bearer', token: 'abc.DEF-_~+/==' })
  expect(parseAuthorization('BEARER   abc')).toEqual({ scheme: 'bearer', token: 'abc' })
  expect(parseAuthorization('dpop abc')).toEqual({ scheme: 'dpop', token: 'abc' })
  expect(parseAuthorization(`Bearer ${'a'.repeat(16_384)}`)?.token.length).toBe(16_384)
  for (const odd of [undefined, null, 1, ['Bearer a'], `Bearer ${'a'.repeat(16_385)}`]) {
    expect(parseAuthorization(odd)).toBeUndefined()
  }
})
