import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createConfig, keys, openConfigSync } from '../src/index.ts'
import { freshFolder } from './scratch.ts'

const sources = [keys.raw(randomBytes(32))] as const

const changedLines = (before: string, after: string): string[] => {
  const old = new Set(before.split('\n'))
  return after.split('\n').filter((line) => !old.has(line))
}

test('one value changed among 1,000, however deep, is three lines; a new key-encryption key is none of a value', async () => {
  const path = join(freshFolder(), 'c.json')
  const config = await createConfig(path, { keys: sources })
  await config.update((draft) => {
    for (let n = 0; n < 1000; n++) {
      const place = n % 2 ? `secret_${n}` : `/group_${n % 7}/list_or_object/secret_${n}`
      draft.set(place, randomBytes(20).toString('hex'), { sealed: n % 3 > 0 })
    }
  })
  const after = async (change: () => Promise<unknown>): Promise<string[]> => {
    const before = readFileSync(path, 'utf8')
    await change()
    expect(openConfigSync(path, { keys: sources }).rev).toBe(config.rev)
    return changedLines(before, readFileSync(path, 'utf8'))
  }
  for (const place of ['secret_501', '/group_4/list_or_object/secret_18']) {
    const lines = await after(() => config.set(place, 'new'))
    expect(lines).toHaveLength(3)
    expect(lines.filter((line) => /"(?:rev|mac)":/.test(line))).toHaveLength(2)
  }
  expect(await after(() => config.set('middle', 1))).toHaveLength(3)
  // The line before it gets a comma.
  expect(await after(() => config.set('zzz', 1))).toHaveLength(4)
  const added = await after(() => config.addKey(keys.raw(randomBytes(32), 'another')))
  expect(added.filter((line) => line.includes('enc:v1'))).toEqual([])
  expect(added.length).toBeLessThanOrEqual(4)
})
