import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createConfig, generateKey, keys, openConfig, openConfigSync } from '../src/index.ts'
import { failsWith, freshFolder, put } from './scratch.ts'

const values = { a: 'one', b: { c: [1, 2] } }
const fresh = async (...more: Parameters<typeof createConfig>[1]['keys'][number][]) => {
  const folder = freshFolder()
  const [path, key] = [join(folder, 'c.json'), join(folder, 'encryption.key')]
  const config = await createConfig(path, { keys: [keys.file(key), ...more] })
  await config.update((draft) => {
    for (const [name, value] of Object.entries(values)) draft.set(name, value)
    draft.set('plain', 1, { sealed: false })
  })
  return { folder, path, key, config }
}
const valueLines = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.includes('enc:v1:'))
const kidsIn = (path: string): string[] =>
  JSON.parse(readFileSync(path, 'utf8')).sealed.keys.map(({ kid }: { kid: string }) => kid)
const expectValues = (config: { get(name: string): unknown }): void => {
  for (const [name, value] of Object.entries(values)) expect(config.get(name)).toEqual(value)
}

test('a new key in the same key file: the header alone changes, the old key opens nothing any more', async () => {
  const { path, key, config } = await fresh()
  const [lines, old, [oldKid]] = [valueLines(path), readFileSync(key, 'utf8'), kidsIn(path)]
  const rotation = await config.rotateKey()
  expect(rotation).toEqual({ kid: kidsIn(path)[0], dropped: [oldKid], retiring: [] })
  expect(valueLines(path)).toEqual(lines)
  const text = readFileSync(key, 'utf8')
  expect(text.endsWith(old)).toBe(true)
  expect(text.split('\n')).toHaveLength(3)
  expectValues(openConfigSync(path, { keys: [keys.file(key)] }))
  const oldKey = keys.file(put(join(freshFolder(), 'old'), old))
  expect(() => openConfigSync(path, { keys: [oldKey] })).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  await config.set('after', 1)
  expect(await config.finishRotation()).toEqual({ dropped: [oldKid] })
  expect(readFileSync(key, 'utf8').split('\n')).toHaveLength(2)
  expectValues(openConfigSync(path, { keys: [keys.file(key)] }))
  expect(await config.finishRotation()).toEqual({ dropped: [] })
})

test('a process that has the file open goes on through any rotation by another one', async () => {
  const { path, key, config } = await fresh()
  const other = openConfigSync(path, { keys: [keys.file(key)] })
  await config.rotateKey()
  await other.set('x', 1)
  await config.rotateDataKey()
  await other.set('y', 2)
  await config.rotateKey({ graceDays: 5 })
  other.reloadSync()
  expect([other.get('x'), other.get('y')]).toEqual([1, 2])
  expectValues(other)
  // Each rotates the key by which the other came in.
  for (const one of [other, config, other, other, config]) await one.rotateKey()
  await config.finishRotation()
  expect([config.keyTable().length, readFileSync(key, 'utf8').trim().split('\n').length]).toEqual([1, 1])
  expectValues(openConfigSync(path, { keys: [keys.file(key)] }))
})

test('rotations, their ends and writes of many handles at once lock nobody out', { timeout: 60_000 }, async () => {
  const { path, key } = await fresh()
  const handles = Array.from({ length: 4 }, () => openConfigSync(path, { keys: [keys.file(key)] }))
  for (let round = 0; round < 4; round++) {
    await Promise.all(
      handles.flatMap((handle, at) => [
        at % 2 === 0 ? handle.rotateKey() : handle.finishRotation(),
        handle.set(`n${at}`, round),
        at === 3 ? handle.rotateDataKey() : handle.reload(),
      ]),
    )
    const config = openConfigSync(path, { keys: [keys.file(key)] })
    expectValues(config)
    expect(handles.map((_, at) => config.get(`n${at}`))).toEqual([round, round, round, round])
  }
  expect(handles[0]?.keyTable()).toHaveLength(1)
})

test('to another source: from an environment variable to a key file, and from there to a key handed over', async () => {
  const folder = freshFolder()
  const path = join(folder, 'c.json')
  process.env['PORTCULLIS_TEST_ROTATE'] = generateKey()
  const config = await createConfig(path, { keys: [keys.env('PORTCULLIS_TEST_ROTATE')] })
  await config.set('a', 'one')
  await expect(config.rotateKey()).rejects.toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  const to = keys.file(join(folder, 'new.key'))
  await config.rotateKey({ to })
  expect(openConfigSync(path, { keys: [to] }).get('a')).toBe('one')
  await expect(config.rotateKey({ to })).rejects.toThrow('already')
  const raw = keys.raw(randomBytes(32))
  await config.rotateKey({ to: raw })
  expect(openConfigSync(path, { keys: [raw] }).get('a')).toBe('one')
  expect(() => openConfigSync(path, { keys: [to] })).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  expect(config.get('a')).toBe('one')
})

test('a grace key opens the file until its day, goes with the next write after it, and never locks its holder out', async () => {
  const folder = freshFolder()
  const path = join(folder, 'c.json')
  let now = Date.parse('2026-03-01T12:00:00Z')
  const clock = () => now
  const [first, second] = [keys.raw(randomBytes(32), 'first'), keys.raw(randomBytes(32), 'second')]
  const config = await createConfig(path, { keys: [first], clock })
  expect(await config.rotateKey({ to: second, graceDays: 30 })).toEqual({
    kid: 'second',
    dropped: [],
    retiring: ['first'],
  })
  expect(config.keyTable()).toEqual([
    { kid: 'second', kind: 'key', created: '2026-03-01', inUse: true },
    { kid: 'first', kind: 'key', created: '2026-03-01', retires: '2026-03-31', inUse: false },
  ])
  now = Date.parse('2026-03-30T23:59:00Z')
  await config.set('a', 1)
  const byOld = openConfigSync(path, { keys: [first], clock })
  expect(byOld.get('a')).toBe(1)
  now = Date.parse('2026-03-31T00:00:00Z')
  await byOld.set('a', 2)
  expect(kidsIn(path)).toEqual(['second', 'first'])
  expect(config.stale({ days: 1000 }).overdue).toEqual([{ kid: 'first', retires: '2026-03-31' }])
  await config.set('a', 3)
  expect(kidsIn(path)).toEqual(['second'])
  expect(() => openConfigSync(path, { keys: [first], clock })).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
})

test('finishRotation ends grace at once', async () => {
  const { path, key, config } = await fresh()
  const [old] = kidsIn(path)
  await config.rotateKey({ graceDays: 3650 })
  expect(kidsIn(path)).toHaveLength(2)
  expect(await config.finishRotation()).toEqual({ dropped: [old] })
  expect(kidsIn(path)).toHaveLength(1)
  expect(readFileSync(key, 'utf8').split('\n')).toHaveLength(2)
  expectValues(openConfigSync(path, { keys: [keys.file(key)] }))
})

test('a new data key seals everything anew for every key; one that is not at hand is named, or dropped', async () => {
  const other = randomBytes(32)
  const { path, key, config } = await fresh(keys.raw(other, 'other'))
  const lines = valueLines(path)
  const own = openConfigSync(path, { keys: [keys.file(key)] })
  await expect(own.rotateDataKey()).rejects.toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  await expect(own.rotateDataKey()).rejects.toThrow('other')
  await expect(own.rotateDataKey({ drop: ['nobody'] })).rejects.toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  expect(valueLines(path)).toEqual(lines)
  await config.rotateDataKey()
  expect(valueLines(path).some((line) => lines.includes(line))).toBe(false)
  for (const source of [keys.file(key), keys.raw(other, 'other')]) {
    expectValues(openConfigSync(path, { keys: [source] }))
  }
  own.reloadSync()
  await own.rotateDataKey({ drop: ['other'] })
  expect(kidsIn(path)).toHaveLength(1)
  await expect(own.rotateDataKey({ drop: kidsIn(path) })).rejects.toThrow('no key would be left')
})

test('a key that is removed opens nothing that is written from then on, and what it knew is named', async () => {
  const gone = randomBytes(32)
  const { path, key, config } = await fresh()
  const { kid } = await config.addKey(keys.raw(gone))
  expect(openConfigSync(path, { keys: [keys.raw(gone)] }).get('a')).toBe('one')
  await expect(config.addKey(keys.raw(gone))).rejects.toThrow('already')
  const dataKeyBefore = valueLines(path)
  expect(await config.removeKey(kid)).toEqual({ secrets: ['/a', '/b'] })
  expect(valueLines(path)).not.toEqual(dataKeyBefore)
  expect(() => openConfigSync(path, { keys: [keys.raw(gone)] })).toThrow(failsWith('ERR_CONFIG_NO_KEY'))
  expectValues(openConfigSync(path, { keys: [keys.file(key)] }))
})

test('options of rotations that make no sense change nothing', async () => {
  const { path, key, config } = await fresh()
  const before = [readFileSync(path, 'utf8'), readFileSync(key, 'utf8')]
  for (const call of [
    () => config.rotateKey({ graceDays: -1 }),
    () => config.rotateKey({ graceDays: 0.5 }),
    () => config.rotateKey({ graceDay: 1 } as never),
    () => config.rotateKey({ to: { source: 'raw' } }),
    () => config.rotateDataKey({ drop: 'x' } as never),
    () => config.removeKey('nobody'),
    () => config.addKey({ source: 'raw' }),
  ]) {
    await expect(call()).rejects.toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  }
  expect([readFileSync(path, 'utf8'), readFileSync(key, 'utf8')]).toEqual(before)
})

test('a new key that cannot be written, or is not what was written, leaves the file as it is', async () => {
  const { folder, path, key, config } = await fresh()
  const before = readFileSync(path, 'utf8')
  const missing = keys.file(join(folder, 'no/such/folder/k'))
  await expect(config.rotateKey({ to: missing })).rejects.toThrow(failsWith('ERR_CONFIG_WRITE'))
  chmodSync(key, 0o644)
  await expect(config.rotateKey()).rejects.toThrow(failsWith('ERR_CONFIG_KEY'))
  chmodSync(key, 0o600)
  writeFileSync(key, `${generateKey()}\n`)
  await expect(config.rotateKey()).rejects.toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  expect(readFileSync(path, 'utf8')).toBe(before)
})

test('rotations without an end fill the key file, and then say so instead of writing what nobody reads', async () => {
  const { path, key, config } = await fresh()
  for (let n = 1; n < 16; n++) await config.rotateKey()
  const before = [readFileSync(path, 'utf8'), readFileSync(key, 'utf8')]
  await expect(config.rotateKey()).rejects.toThrow(failsWith('ERR_CONFIG_KEY'))
  expect([readFileSync(path, 'utf8'), readFileSync(key, 'utf8')]).toEqual(before)
  expectValues(openConfigSync(path, { keys: [keys.file(key)] }))
  expect((await config.finishRotation()).dropped).toHaveLength(15)
  await config.rotateKey()
  expectValues(openConfigSync(path, { keys: [keys.file(key)] }))
})

test('a killed rotation, whatever it had done by then, is open to who has the key file, and the next one goes through', async () => {
  const { path, key } = await fresh()
  // What is on the disk after the first step: the new key is there, the file does not name it yet.
  writeFileSync(key, `${generateKey()}\n${readFileSync(key, 'utf8')}`)
  const config = await openConfig(path, { keys: [keys.file(key)] })
  expectValues(config)
  await config.rotateKey()
  await config.finishRotation()
  expect(readFileSync(key, 'utf8').split('\n')).toHaveLength(2)
  expectValues(openConfigSync(path, { keys: [keys.file(key)] }))
})
