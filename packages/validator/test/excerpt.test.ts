import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { excerptAt } from '../src/findings/excerpt.ts'

describe('excerptAt', () => {
  it('shows what is around a place, at most 80 characters', () => {
    expect(excerptAt('../etc/passwd', 0)).toBe('../etc/passwd')
    const text = `${'word '.repeat(50)}../x${' word'.repeat(50)}`
    const excerpt = excerptAt(text, 250)
    expect(excerpt).toContain('../x')
    expect(excerpt.length).toBeLessThanOrEqual(80)
    expect(excerptAt('', 0)).toBe('')
  })

  it.each([
    'pck_live_7Kq2mZ0aPx9LabcdEFGH',
    'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
    'eyJhbGciOiJIUzI1NiJ9',
    'AKIAIOSFODNN7EXAMPLE',
    'dGhpcyBpcyBhIHNlY3JldCBrZXk+/abc==',
    'AbCdEfGhIjKlMnOpQrStUvWxYz',
    '1234567890123456',
  ])('redacts %s', (token) => {
    for (const text of [token, `../ ${token}`, `x ${token} <script`, `"${token}"`, `${token}../`]) {
      const excerpt = excerptAt(text, Math.max(0, text.search(/\.\.\/|<script/)))
      expect(excerpt).toContain('[redacted]')
      expect(excerpt).not.toContain(token.slice(2, 10))
    }
  })

  it.each([
    'password=hunter2 ',
    'password: hunter2',
    '"api_key":"hunter2"',
    'Authorization: hunter2',
    'Bearer hunter2',
    'SECRET=hunter2&x',
    'token = hunter2',
    '{"client_secret": "hunter2"}',
  ])('redacts what follows the word in %j', (text) => {
    expect(excerptAt(text, 0)).not.toContain('hunter2')
    expect(excerptAt(text, 0)).toContain('[redacted]')
  })

  it('a token that begins before the excerpt or ends behind it is redacted whole', () => {
    const token = 'A1b2C3d4E5f6'.repeat(20)
    for (const text of [`${token} ../`, `../ ${token}`, `${'x '.repeat(30)}${token}../`]) {
      expect(excerptAt(text, text.indexOf('../'))).not.toMatch(/A1b2|f6A1/)
    }
    expect(excerptAt('Z9'.repeat(5000), 5000)).toBe('[redacted]')
  })

  it('leaves paths and prose alone', () => {
    expect(excerptAt('/home/user/projects/portcullis/src/index.ts', 0)).toBe(
      '/home/user/projects/portcullis/src/index.ts',
    )
    expect(excerptAt('the quick brown fox', 4)).toBe('the quick brown fox')
  })

  it('escapes control and bidirectional characters', () => {
    expect(excerptAt('a\n\r\t\0\u001b[31m\u0085\u202e\u2066\u200b\ufeff\ud800b\u{e0041}', 0)).toBe(
      'a\\n\\r\\t\\u0000\\u001b[31m\\u0085\\u202e\\u2066\\u200b\\ufeff\\ud800b\\u{e0041}',
    )
  })

  it('is short and clean for any text and place', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.nat(400), (text, at) => {
        const excerpt = excerptAt(text, Math.min(at, text.length))
        expect(excerpt.length).toBeLessThanOrEqual(80)
        // oxlint-disable-next-line no-control-regex
        expect(excerpt).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u)
      }),
      { numRuns: 500 },
    )
  })
})
