import { expect, test } from 'vitest'
import { createRevocations, createTokenVerifier } from '../src/index.ts'
import { makeJwt, resource, startLocalIssuer } from './local-issuer.ts'

const issuer = 'https://id.example'
const claims = (more: object = {}) => ({
  issuer,
  subject: 'alice',
  clientId: 'app',
  tokenId: 't1',
  scopes: [],
  issuedAtMs: 1000,
  ...more,
})

test('one token, a subject or a client up to a moment; another issuer is another world', () => {
  let now = 5000
  const list = createRevocations({ clock: () => now })
  expect(list.covers(claims())).toBe(false)
  list.revoke({ issuer, tokenId: 't1' })
  expect([
    list.covers(claims()),
    list.covers(claims({ tokenId: 't2' })),
    list.covers(claims({ issuer: 'https://b.example' })),
  ]).toEqual([true, false, false])
  // Five seconds on, because the issuer's clock may be ahead.
  list.revoke({ issuer, subject: 'bob' })
  const bob = (issuedAtMs?: number) => claims({ subject: 'bob', tokenId: 'x', issuedAtMs })
  expect([list.covers(bob(10_000)), list.covers(bob(10_001)), list.covers(bob(undefined))]).toEqual([true, false, true])
  list.revoke({ issuer, clientId: 'other', issuedUntilMs: 7000 })
  list.revoke({ issuer, clientId: 'other', issuedUntilMs: 6000 })
  expect(list.covers(claims({ clientId: 'other', issuedAtMs: 7000 }))).toBe(true)
  // Names of one kind are not names of another.
  list.revoke({ issuer, tokenId: 'carol' })
  expect(list.covers(claims({ subject: 'carol', tokenId: 'y' }))).toBe(false)
  now += 31 * 86_400_000
  list.revoke({ issuer, tokenId: 'new' })
  expect(list.size).toBe(1)
})

test('a full list says so, and forgets nothing', () => {
  const list = createRevocations({ maxEntries: 2 })
  list.revoke({ issuer, tokenId: 'a' })
  list.revoke({ issuer, tokenId: 'b' })
  list.revoke({ issuer, tokenId: 'b' })
  const full = expect.objectContaining({ code: 'ERR_OAUTH2_UNAVAILABLE' })
  expect(() => list.revoke({ issuer, tokenId: 'c' })).toThrow(full)
  expect(list.covers(claims({ tokenId: 'a' }))).toBe(true)
})

test('what is no revocation is refused', () => {
  const list = createRevocations()
  for (const odd of [
    {},
    { issuer },
    { issuer, tokenId: 'a', subject: 'b' },
    { tokenId: 'a' },
    { issuer, tokenId: 1 },
    { issuer, token: 'a' },
    { issuer, subject: 'a', issuedUntilMs: Number.NaN },
    null,
  ]) {
    expect(() => list.revoke(odd as never)).toThrow(expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS' }))
  }
  expect(list.size).toBe(0)
})

test('it takes effect with the next use of a cached token', async () => {
  const local = await startLocalIssuer()
  const revocations = createRevocations()
  const verifier = createTokenVerifier({ resource, issuers: [{ issuer: local.issuer }], revocations })
  const token = makeJwt({ payload: local.claims() })
  expect((await verifier.verify(token)).ok).toBe(true)
  revocations.revoke({ issuer: local.issuer, subject: 'alice', issuedUntilMs: Date.now() })
  expect(verifier.verify(token)).toEqual({ ok: false, reason: 'revoked' })
  const later = makeJwt({ payload: local.claims({ iat: Math.floor(Date.now() / 1000) + 2, jti: 'later' }) })
  expect((await verifier.verify(later)).ok).toBe(true)
  verifier.close()
  await local.stop()
})
