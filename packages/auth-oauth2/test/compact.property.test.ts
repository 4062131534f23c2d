import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isCanonicalBase64url, looksLikeJwt, parseJwt } from '../src/token/compact.ts'
import { base64url, makeJwt } from './local-issuer.ts'

const runs = { numRuns: 300 }

test('exactly what an encoder writes is canonical', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
      expect(isCanonicalBase64url(base64url(bytes))).toBe(true)
    }),
    runs,
  )
  const alphabet = 'AQgwBIZaz09-_=+/ .\n'
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 }), (text) => {
      const rewritten = base64url(Buffer.from(text, 'base64url'))
      expect(isCanonicalBase64url(text)).toBe(text !== '' && rewritten === text)
    }),
    { numRuns: 2000 },
  )
})

test('no change of one character leaves a token with the same content', () => {
  const token = makeJwt({ payload: { iss: 'https://id.example', sub: 'alice' } })
  const content = (text: string): string =>
    text
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString('hex'))
      .join('.')
  const other = fc.constantFrom(...'AQgwZz09-_=+/ .\n\t\0é')
  fc.assert(
    fc.property(fc.nat({ max: token.length }), other, fc.boolean(), (at, char, insert) => {
      const changed = token.slice(0, at) + char + token.slice(insert ? at : at + 1)
      fc.pre(changed !== token)
      const parsed = looksLikeJwt(changed) ? parseJwt(changed) : 'malformed'
      if (typeof parsed !== 'string') expect(content(changed)).not.toBe(content(token))
    }),
    { numRuns: 1000 },
  )
})

test('any text is answered, none throws', () => {
  const part = fc.oneof(fc.string(), fc.json().map(base64url), fc.constant(base64url('{"alg":"ES256"}')))
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
      const text = parts.join('.')
      const parsed = parseJwt(text)
      expect(['string', 'object']).toContain(typeof parsed)
      if (typeof parsed !== 'string') expect(looksLikeJwt(text)).toBe(true)
    }),
    { numRuns: 500 },
  )
})
