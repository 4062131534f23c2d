import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseChallenges } from '../src/client/challenges.ts'
import { challenge } from '../src/index.ts'

test('several challenges, quoted and plain values, names in any case', () => {
  expect(parseChallenges('Basic realm="a, b=\\"c\\"", Bearer Error=invalid_token ,scope="x y",  DPoP')).toEqual([
    { scheme: 'basic', parameters: { realm: 'a, b="c"' } },
    { scheme: 'bearer', parameters: { error: 'invalid_token', scope: 'x y' } },
    { scheme: 'dpop', parameters: {} },
  ])
  expect(parseChallenges('Bearer')).toEqual([{ scheme: 'bearer', parameters: {} }])
  expect(parseChallenges('')).toEqual([])
})

test('what comes twice counts not at all, and what cannot be read ends the list', () => {
  expect(parseChallenges('Bearer scope="a", scope="b", error="e"')).toEqual([
    { scheme: 'bearer', parameters: { error: 'e' } },
  ])
  expect(parseChallenges('Bearer a=1, a=2, a=3')).toEqual([{ scheme: 'bearer', parameters: {} }])
  expect(parseChallenges('Bearer error="open')).toEqual([{ scheme: 'bearer', parameters: {} }])
  expect(parseChallenges('Bearer(x) error="e"')).toEqual([])
  expect(parseChallenges('Bearer __proto__="x"')[0]?.parameters).toEqual({ ['__proto__']: 'x' })
})

test('what we write we read, and nothing makes it fail', () => {
  const scope = fc.stringMatching(/^[!#-[\]-~]{1,20}$/)
  fc.assert(
    fc.property(fc.uniqueArray(scope, { minLength: 1, maxLength: 5 }), (scopes) => {
      const asked = scopes.filter((one) => one !== 'offline_access')
      fc.pre(asked.length > 0)
      expect(parseChallenges(challenge({ error: 'insufficient_scope', scopes: asked }))).toEqual([
        { scheme: 'bearer', parameters: { error: 'insufficient_scope', scope: asked.join(' ') } },
      ])
    }),
  )
  fc.assert(fc.property(fc.string({ maxLength: 100 }), (text) => Array.isArray(parseChallenges(text))))
})
