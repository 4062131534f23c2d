import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createVerdictCache } from '../src/verifier/verdict-cache.ts'

const verdict = (result: string) => ({ result, expiresAtMs: 1, freshUntilMs: 1 })

test('the oldest that was not used goes first', () => {
  const cache = createVerdictCache<ReturnType<typeof verdict>>(3)
  for (const digest of ['a', 'b', 'c']) cache.set(digest, verdict(digest))
  cache.get('a')
  cache.set('d', verdict('d'))
  expect(['a', 'b', 'c', 'd'].map((digest) => cache.get(digest)?.result)).toEqual(['a', undefined, 'c', 'd'])
  cache.set('e', verdict('e'))
  expect(cache.size).toBe(3)
})

test('it never holds more than it may, whatever is done, and answers only what was set last', () => {
  const step = fc.tuple(fc.constantFrom('get', 'set', 'delete'), fc.integer({ min: 0, max: 9 }).map(String))
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4 }), fc.array(step, { maxLength: 60 }), (maxEntries, steps) => {
      const cache = createVerdictCache<ReturnType<typeof verdict>>(maxEntries)
      const last = new Map<string, string>()
      for (const [index, [what, digest]] of steps.entries()) {
        if (what === 'set') {
          cache.set(digest, verdict(`${index}`))
          last.set(digest, `${index}`)
          expect(cache.get(digest)?.result).toBe(maxEntries === 0 ? undefined : `${index}`)
        } else if (what === 'delete') {
          cache.delete(digest)
          last.delete(digest)
        }
        const found = cache.get(digest)?.result
        if (found !== undefined) expect(found).toBe(last.get(digest))
        expect(cache.size).toBeLessThanOrEqual(maxEntries)
      }
    }),
    { numRuns: 300 },
  )
})
