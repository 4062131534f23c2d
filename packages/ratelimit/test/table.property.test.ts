import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createTable } from '../src/table.ts'

const MAX_KEYS = 12

/** A table whose slots hold one number, which is how long they are in use. */
const setUp = () => {
  const table = createTable({
    maxKeys: MAX_KEYS,
    words: 1,
    details: 1,
    isIdle: (slot, nowMs) => (table.words[slot * table.stride + 1] as number) <= nowMs,
    copy: (from, to) => put(to, at(from)),
  })
  const at = (slot: number): number => table.words[slot * table.stride + 1] as number
  const put = (slot: number, value: number): void => {
    table.words[slot * table.stride + 1] = value
    table.details[0]?.put(slot, value)
  }
  return { table, at, put }
}

it('finds what is in use and nothing else, whatever comes and goes', () => {
  const step = fc.record({
    key: fc.integer({ min: 0, max: 30 }),
    wait: fc.integer({ min: 0, max: 3 }),
    use: fc.integer({ min: 1, max: 20 }),
    remove: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { table, at, put } = setUp()
      const model = new Map<string, number>()
      let now = 1
      for (const s of steps) {
        now += s.wait
        const key = `key ${s.key}`
        if (s.remove && table.own(key) >= 0) {
          table.remove(table.own(key))
          model.delete(key)
        } else if (!s.remove) {
          const slot = table.claim(key, now)
          if (table.own(key) < 0) {
            // Only when as many others are in use is there no room.
            expect(table.size).toBe(MAX_KEYS)
            continue
          }
          expect(table.own(key)).toBe(slot)
          put(slot, Math.max(at(slot), now + s.use))
          model.set(key, at(slot))
        }
        for (const [known, until] of model) {
          if (until <= now) model.delete(known)
          else {
            const slot = table.find(known, now)
            expect([known, at(slot), table.details[0]?.at(slot)]).toEqual([known, until, until])
          }
        }
        expect(table.size).toBeGreaterThanOrEqual(model.size)
        expect(table.size).toBeLessThanOrEqual(MAX_KEYS)
      }
    }),
    { numRuns: process.env['PORTCULLIS_LONG'] === '1' ? 100_000 : 2000 },
  )
}, 120_000)

it('keys that share beginnings, ends and letters do not meet', () => {
  const table = createTable({ maxKeys: 100_000, words: 1, details: 0, isIdle: () => false, copy: () => {} })
  const keys = new Set<string>()
  for (let i = 0; i < 20_000; i++) for (const key of [`a${i}`, `${i}a`, '\0'.repeat(i % 250) + (i >> 8)]) keys.add(key)
  for (const key of keys) table.claim(key, 0)
  expect(table.size).toBe(keys.size)
})
