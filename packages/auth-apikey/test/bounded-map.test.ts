import { expect, test } from 'vitest'
import { createBoundedMap } from '../src/bounded-map.ts'

test('never holds more than it may, and keeps what is used', () => {
  const map = createBoundedMap<number>(100)
  map.set('used', 1)
  for (let i = 0; i < 10_000; i++) {
    map.set(`k${i}`, i)
    if (i % 40 === 0) expect(map.get('used')).toBe(1)
    expect(map.size).toBeLessThanOrEqual(100)
  }
  expect(map.get('k9999')).toBe(9999)
  expect(map.get('k0')).toBe(undefined)
  map.delete('k9999')
  expect(map.get('k9999')).toBe(undefined)
})

test('the newest value counts, and a deleted one is gone from both halves', () => {
  const map = createBoundedMap<number>(4)
  map.set('a', 1)
  map.set('b', 1)
  map.set('c', 1)
  map.set('a', 2)
  expect(map.get('a')).toBe(2)
  map.delete('a')
  expect(map.get('a')).toBe(undefined)
})
