import { expect, test, vi } from 'vitest'
import { createApiKeys, memoryStore } from '../src/index.ts'

const counted = vi.hoisted(() => ({ hashes: 0 }))
vi.mock('node:crypto', async (load) => {
  const real = await load<typeof import('node:crypto')>()
  const hash = (...args: Parameters<typeof real.hash>) => {
    counted.hashes++
    return real.hash(...args)
  }
  const createHmac = (...args: Parameters<typeof real.createHmac>) => {
    counted.hashes++
    return real.createHmac(...args)
  }
  return { ...real, hash, createHmac }
})

const hashesOf = (run: () => unknown): number => {
  const before = counted.hashes
  run()
  return counted.hashes - before
}

test('where the checksum is wrong nothing is hashed; else once, and under a pepper once more, whether the id is known or not', async () => {
  for (const peppers of [[], [{ id: 'p', key: new Uint8Array(32).fill(1) }]]) {
    const keys = createApiKeys({ store: memoryStore(), peppers, lastUseIntervalMs: false })
    const { key } = await keys.create({ name: 'ci', grants: [] })
    const elsewhere = createApiKeys({ store: memoryStore(), peppers, lastUseIntervalMs: false })
    const other = await elsewhere.create({ name: 'ci', grants: [] })
    const mistyped = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`
    expect(hashesOf(() => keys.verify(mistyped))).toBe(0)
    expect(hashesOf(() => keys.verify(''))).toBe(0)
    expect(hashesOf(() => keys.verify('a'.repeat(4097)))).toBe(0)
    expect(hashesOf(() => keys.verify(undefined as unknown as string))).toBe(0)
    // An HMAC is two.
    const whole = 1 + 2 * peppers.length
    expect(hashesOf(() => keys.verify(other.key))).toBe(whole)
    expect(hashesOf(() => keys.verify('some-foreign-key'))).toBe(whole)
    expect(hashesOf(() => keys.verify(key))).toBe(whole)
    expect(hashesOf(() => keys.verify(key))).toBe(1)
  }
})
