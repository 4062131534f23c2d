import { expect, test } from 'vitest'
import { parseExpiry, parseSpan } from '../src/expiry.ts'

const nowMs = Date.UTC(2026, 0, 15, 12)

test('spans count from now, dates are UTC, times have their zone', () => {
  expect(parseExpiry('90d', nowMs)).toBe(nowMs + 90 * 86_400_000)
  expect(parseExpiry('12h', nowMs)).toBe(nowMs + 12 * 3_600_000)
  expect(parseExpiry('30m', nowMs)).toBe(nowMs + 30 * 60_000)
  expect(parseExpiry('2026-12-31', nowMs)).toBe(Date.UTC(2026, 11, 31))
  expect(parseExpiry('2028-02-29', nowMs)).toBe(Date.UTC(2028, 1, 29))
  expect(parseExpiry('2026-12-31T18:00:00+02:00', nowMs)).toBe(Date.UTC(2026, 11, 31, 16))
  expect(parseExpiry('2026-12-31T18:00Z', nowMs)).toBe(Date.UTC(2026, 11, 31, 18))
})

test('a key that never expires is asked for', () => {
  expect(parseExpiry('never', nowMs)).toBe(null)
})

test('lengths of time have one unit', () => {
  expect(['10s', '5m', '2h', '1d'].map(parseSpan)).toEqual([10_000, 300_000, 7_200_000, 86_400_000])
  for (const text of ['', '0s', '1', 's', '1ms', '1w', '1d2h', '01d', '1000000s', '1s\n']) {
    expect([text, parseSpan(text)]).toEqual([text, undefined])
  }
})

test('anything else is a usage error', () => {
  const bad = [
    '',
    'd',
    '0d',
    '90',
    '90 d',
    '90D',
    '-1d',
    '1.5h',
    '1e3d',
    '999999d',
    '1y',
    'Never',
    '2026-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-1-1',
    '20261231',
    '2026-12-31T18:00',
    '2026-12-31T25:00Z',
    '2026-01-15',
    '2126-12-31',
    ' 90d',
  ]
  for (const text of bad) {
    expect(() => parseExpiry(text, nowMs)).toThrow(expect.objectContaining({ exitCode: 2, code: 'ERR_CLI_USAGE' }))
  }
})
