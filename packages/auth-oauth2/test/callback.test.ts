import { expect, test } from 'vitest'
import { readCallback } from '../src/client/callback.ts'

const issuer = 'https://id.example'
const expected = { state: 'a'.repeat(20), issuer, issParameter: false }
const good = { code: 'c', state: expected.state, iss: issuer }
const query = (parameters: Record<string, string>): string => new URLSearchParams(parameters).toString()

test('a URL, its text or its query are read', () => {
  const text = `https://app.example/callback?${query(good)}`
  for (const callback of [
    text,
    `${text}#x`,
    new URL(text),
    new URL(text).searchParams,
    query(good),
    `?${query(good)}`,
  ]) {
    expect(readCallback(callback, expected).get('code')).toBe('c')
  }
})

test('the state is looked at first, then the issuer, then what is said', () => {
  const code = (parameters: Record<string, string>, more = {}): string | undefined => {
    try {
      readCallback(query(parameters), { ...expected, ...more })
      return undefined
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  const { state: _state, ...stateless } = good
  const { iss: _iss, ...anonymous } = good
  for (const state of ['', 'a'.repeat(19), 'a'.repeat(21), 'A'.repeat(20)])
    expect(code({ ...good, state })).toBe('ERR_OAUTH2_STATE')
  expect(code(stateless)).toBe('ERR_OAUTH2_STATE')
  expect(code({ error: 'access_denied', iss: issuer })).toBe('ERR_OAUTH2_STATE')
  for (const iss of ['https://evil.example', `${issuer}/`, 'HTTPS://id.example', '']) {
    expect(code({ ...good, iss })).toBe('ERR_OAUTH2_ISSUER')
    expect(code({ error: 'access_denied', state: expected.state, iss })).toBe('ERR_OAUTH2_ISSUER')
  }
  expect(code(anonymous)).toBeUndefined()
  expect(code(anonymous, { issParameter: true })).toBe('ERR_OAUTH2_ISSUER')
  expect(code(good, { issuer: undefined })).toBe('ERR_OAUTH2_ISSUER')
  expect(code({ ...good, code: '' })).toBe('ERR_OAUTH2_STATE')
  expect(code({ state: expected.state })).toBe('ERR_OAUTH2_STATE')
  expect(code({ ...good, error: 'access_denied' })).toBe('ERR_OAUTH2_DENIED')
  expect(code({ ...good, error: 'temporarily_unavailable' })).toBe('ERR_OAUTH2_UNAVAILABLE')
  expect(code({ ...good, long: 'x'.repeat(33_000) })).toBe('ERR_OAUTH2_OPTIONS')
})

test('a parameter that is there twice', () => {
  for (const name of ['code', 'state', 'iss', 'error']) {
    const callback = `${query(good)}&error=&${name}=${encodeURIComponent(good[name as 'code'] ?? 'x')}`.replace(
      name === 'error' ? '' : '&error=',
      '',
    )
    expect(() => readCallback(callback, expected)).toThrow(expect.objectContaining({ code: 'ERR_OAUTH2_STATE' }))
  }
})

test('what the server says is quoted in the message', () => {
  const denied = query({
    state: expected.state,
    error: 'access_denied',
    error_description: 'no\u001b[31m\u202e\n"you"',
  })
  expect(() => readCallback(denied, expected)).toThrow(
    /^authorization was refused with "access_denied": "no\\u001b\[31m\\u202e\\n\\"you\\""$/,
  )
  expect(() => readCallback(denied, expected)).toThrow(
    expect.objectContaining({ error: 'access_denied', fault: 'invalid' }),
  )
})
