import { format, inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createTokenSet } from '../src/client/token-set.ts'

const set = createTokenSet({
  accessToken: 'SECRET-A',
  refreshToken: 'SECRET-R',
  tokenType: 'bearer',
  expiresAtMs: 5,
  scopes: ['a'],
})

test('tokens are read by name', () => {
  expect([set.accessToken, set.refreshToken, set.tokenType, set.expiresAtMs, set.scopes]).toEqual([
    'SECRET-A',
    'SECRET-R',
    'bearer',
    5,
    ['a'],
  ])
  expect(Object.isFrozen(set) && Object.isFrozen(set.scopes)).toBe(true)
  const short = createTokenSet({ accessToken: 'x', tokenType: 'bearer', scopes: [] })
  expect(['refreshToken' in short, 'expiresAtMs' in short]).toEqual([false, false])
})

test('and by no other way', () => {
  const shown = [
    JSON.stringify(set),
    JSON.stringify({ nested: [set] }),
    inspect(set, { depth: 9 }),
    inspect([set]),
    format('%o %O %s %j', set, set, set, set),
    Object.keys(set).join(),
    JSON.stringify({ ...set }),
    String(Object.entries(set)),
  ]
  for (const text of shown) expect(text).not.toContain('SECRET')
  expect(JSON.parse(JSON.stringify(set))).toMatchObject({
    accessToken: '[hidden]',
    refreshToken: '[hidden]',
    scopes: ['a'],
  })
})
