import { expect, test } from 'vitest'
import { isCanonicalBase64url, looksLikeJwt, parseJwt } from '../src/token/compact.ts'
import { base64url } from './local-issuer.ts'

test('unused bits of the last character must be zero', () => {
  for (const good of ['AA', 'AQ', 'Ag', 'AAA', 'AAE', 'AAAA', '__-A', 'AAAAAA'])
    expect(isCanonicalBase64url(good)).toBe(true)
  for (const bad of [
    '',
    'A',
    'AB',
    'AAB',
    'AAD',
    'AAAAA',
    'AA==',
    'A+',
    'A/',
    'A A',
    'AA\n',
    'AÄ',
    'A\u0100',
    '\ud800A',
  ]) {
    expect(isCanonicalBase64url(bad)).toBe(false)
  }
})

test('what is meant as a JWT is never taken for an opaque token, well-formed or not', () => {
  const part = base64url('{"alg":"none"}')
  for (const text of [`${part}.e30.x`, `${part}..`, `${base64url('{ }')}.!.`, `${base64url('{\n')}.a.b`]) {
    expect(looksLikeJwt(text)).toBe(true)
  }
  for (const text of ['a.b.c', 'v1.local.abc', `${part}.x`, `${part}.a.b.c.d`, '', '...', part])
    expect(looksLikeJwt(text)).toBe(false)
})

test('a JWT is read, its kid and type too', () => {
  const text = `${base64url('{"alg":"ES256","kid":"k","typ":"application/AT+JWT"}')}.${base64url('{"iss":"i"}')}.AAAA`
  expect(parseJwt(text)).toEqual({ algorithm: 'ES256', kid: 'k', type: 'at+jwt', payload: { iss: 'i' } })
  expect(parseJwt(`${base64url('{"alg":"ES256"}')}.e30.AAAA`)).toEqual({
    algorithm: 'ES256',
    kid: undefined,
    type: '',
    payload: {},
  })
  for (const typ of ['', 'application/', 'text/at+jwt']) {
    expect(parseJwt(`${base64url(JSON.stringify({ alg: 'ES256', typ }))}.e30.AAAA`)).toBe('type')
  }
})
