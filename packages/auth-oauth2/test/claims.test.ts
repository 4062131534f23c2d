import { expect, test } from 'vitest'
import { checkClaims, checkJwtClaims, type ClaimRules } from '../src/token/claims.ts'

const now = 1_800_000_000_000
const rules = {
  issuer: 'https://id.example',
  audience: ['https://mcp.example'],
  audienceMode: 'member',
  alsoFor: [],
  clients: undefined,
  profile: 'any',
  requiredClaims: [],
  scopeClaims: ['scope', 'scp'],
  scopePrefix: '',
  toleranceMs: 5000,
  maxLifetimeMs: 86_400_000,
} as const satisfies ClaimRules
const good = {
  iss: rules.issuer,
  aud: rules.audience[0],
  sub: 'alice',
  iat: now / 1000,
  exp: now / 1000 + 60,
  scope: 'a b',
}

test('what a token says is told, checked and frozen', () => {
  const checked = checkJwtClaims(good, 'at+jwt', now, rules)
  expect(checked).toEqual({
    claims: { issuer: rules.issuer, subject: 'alice', scopes: ['a', 'b'], issuedAtMs: now },
    expiresAtMs: now + 60_000,
  })
  expect(typeof checked === 'object' && Object.isFrozen(checked.claims) && Object.isFrozen(checked.claims.scopes)).toBe(
    true,
  )
})

test('a JWT names its issuer and its end; an introspected token need not', () => {
  for (const iss of [undefined, 'https://id.example/', null, [rules.issuer]]) {
    expect(checkJwtClaims({ ...good, iss }, 'at+jwt', now, rules)).toBe('issuer')
  }
  const { iss: _iss, exp: _exp, ...less } = good
  expect(checkJwtClaims({ ...less, iss: rules.issuer }, 'at+jwt', now, rules)).toBe('claims')
  expect(checkClaims(less, now, rules)).toEqual({
    claims: { issuer: rules.issuer, subject: 'alice', scopes: ['a', 'b'], issuedAtMs: now },
  })
})

test('of a thousand scopes the first 256 count', () => {
  const scope = Array.from({ length: 1000 }, (_, index) => `s${index}`)
  const checked = checkClaims({ ...good, scope }, now, rules)
  expect(typeof checked === 'object' && checked.claims.scopes).toEqual(scope.slice(0, 256))
})
