import { randomBytes } from 'node:crypto'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createConfig, type Kms, keys, openConfig, openConfigSync } from '../src/index.ts'
import { failsWith, failureOf, freshFolder } from './scratch.ts'

const raw = randomBytes(32)
const sources = [keys.raw(raw)] as const

test('what was disposed of answers nothing, nor do secrets that were taken from it', async () => {
  const path = join(freshFolder(), 'c.json')
  const config = await createConfig(path, { keys: sources })
  await config.set('a', 'hunter2')
  const secret = config.secret('a')
  const events = config.watch()
  config.dispose()
  config[Symbol.dispose]()
  const calls: (() => unknown)[] = [
    () => config.get('a'),
    () => config.secret('a'),
    () => config.has('a'),
    () => config.names(),
    () => config.entries(),
    () => config.rev,
    () => config.legacy,
    () => config.set('a', 1),
    () => config.delete('a'),
    () => config.update(() => {}),
    () => config.reload(),
    () => config.reloadSync(),
    () => config.keyTable(),
    () => config.stale({ days: 1 }),
    () => config.rotateKey(),
    () => config.rotateDataKey(),
    () => config.finishRotation(),
    () => secret?.reveal(),
  ]
  for (const call of calls) expect(await failureOf(call), String(call)).toEqual(failsWith('ERR_CONFIG_DISPOSED'))
  expect((await events.next()).done).toBe(true)
  expect(inspect(config, { depth: 9, showHidden: true })).not.toContain('hunter2')
  expect(openConfigSync(path, { keys: sources }).get('a')).toBe('hunter2')
})

test('what is stale is told by its day', async () => {
  const path = join(freshFolder(), 'c.json')
  let now = Date.parse('2026-01-01T00:00:00Z')
  const clock = () => now
  const config = await createConfig(path, { keys: [keys.raw(raw, 'main')], clock })
  await config.set('/old/one', 1)
  await config.set('plain', 1, { sealed: false })
  now = Date.parse('2026-03-01T05:00:00Z')
  await config.set('young', 1)
  now = Date.parse('2026-04-01T23:00:00Z')
  expect(config.stale({ days: 90 })).toEqual({
    secrets: [{ pointer: '/old/one', setOn: '2026-01-01', ageDays: 90 }],
    keys: [{ kid: 'main', created: '2026-01-01', ageDays: 90 }],
    dataKey: { createdOn: '2026-01-01', ageDays: 90 },
    overdue: [],
  })
  expect(config.stale({ days: 91 })).toEqual({ secrets: [], keys: [], dataKey: undefined, overdue: [] })
  await config.rotateDataKey()
  const after = config.stale({ days: 31 })
  expect([after.dataKey, after.secrets.map(({ pointer }) => pointer)]).toEqual([undefined, ['/old/one', '/young']])
  for (const options of [{ days: -1 }, { days: 1.5 }, {}, { day: 1 }]) {
    expect(() => config.stale(options as never)).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  }
})

test('a change that was made for another write is a conflict, whoever made that one', async () => {
  const path = join(freshFolder(), 'c.json')
  const config = await createConfig(path, { keys: sources })
  const other = openConfigSync(path, { keys: sources })
  await other.set('a', 1)
  await expect(config.update((draft) => draft.set('a', 2), { ifRev: 1 })).rejects.toThrow(
    failsWith('ERR_CONFIG_CONFLICT'),
  )
  await config.update((draft) => draft.set('a', 3), { ifRev: config.rev })
  expect(config.get('a')).toBe(3)
  // An editor takes no lock: it saves while the change is being made.
  const edited = `${readFileSync(path, 'utf8')}\n`
  await expect(
    config.update((draft) => {
      appendFileSync(path, '\n')
      draft.set('a', 4)
    }),
  ).rejects.toThrow(failsWith('ERR_CONFIG_CONFLICT', 'invalid'))
  expect(readFileSync(path, 'utf8')).toBe(edited)
  writeFileSync(path, edited.slice(0, -1))
  await config.set('a', 5)
})

test('reading that began before a write of this process, and ends behind it, is no rollback and loses nothing', async () => {
  const path = join(freshFolder(), 'c.json')
  const waiting: (() => void)[] = []
  let isSlow = false
  const kms: Kms = {
    provider: 'test',
    ref: 'x',
    wrap: async (dataKey) => Uint8Array.from(dataKey, (byte) => byte ^ 0x55),
    unwrap: async (wrapped) => {
      if (isSlow) {
        isSlow = false
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
      return Uint8Array.from(wrapped, (byte) => byte ^ 0x55)
    },
  }
  const config = await createConfig(path, { keys: [keys.kms(kms)] })
  const other = await openConfig(path, { keys: [keys.kms(kms)] })
  await other.rotateDataKey()
  isSlow = true
  const reading = config.reload()
  while (waiting.length === 0) await new Promise(setImmediate)
  await config.set('n', 1)
  waiting[0]?.()
  await reading
  expect([config.get('n'), config.rev]).toEqual([1, 3])
})
