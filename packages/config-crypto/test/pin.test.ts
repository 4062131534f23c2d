import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { acquireLock } from '@portcullis-internal/files'
import { raisePin } from '../src/config/pin.ts'
import { createConfig, keys, openConfig, openConfigSync } from '../src/index.ts'
import { runAsync, runSync } from '../src/steps.ts'
import { failsWith, freshFolder, isLong, put, runChild } from './scratch.ts'

const raw = randomBytes(32)
const sources = [keys.raw(raw)] as const
const fresh = async () => {
  const folder = freshFolder()
  const [path, pins] = [join(folder, 'c.json'), join(folder, 'state/pins')]
  const config = await createConfig(path, { keys: sources, pin: { folder: pins } })
  return { path, pins, config, open: () => openConfigSync(path, { keys: sources, pin: { folder: pins } }) }
}
const before = process.env['XDG_STATE_HOME']
afterEach(() => {
  if (before === undefined) delete process.env['XDG_STATE_HOME']
  else process.env['XDG_STATE_HOME'] = before
})

test('an older copy, a fork, and another file of the same key are refused by processes that never saw the file open', async () => {
  const { path, pins, config, open } = await fresh()
  await config.set('a', 1)
  const older = readFileSync(path)
  await config.set('a', 2)
  const good = readFileSync(path)
  writeFileSync(path, older)
  expect(open).toThrow(failsWith('ERR_CONFIG_ROLLBACK'))
  await expect(openConfig(path, { keys: sources, pin: { folder: pins } })).rejects.toThrow(
    'went back from write 3 to 2',
  )
  // The same number of writes, made elsewhere.
  const fork = openConfigSync(path, { keys: sources })
  await fork.set('a', 'forged')
  expect(open).toThrow(failsWith('ERR_CONFIG_FORK'))
  rmSync(path)
  const other = await createConfig(path, { keys: sources })
  for (let n = 0; n < 9; n++) await other.set('a', n)
  expect(open).toThrow('another file took its place')
  writeFileSync(path, good)
  expect(open().get('a')).toBe(2)
})

test('who does not pin does not see it', async () => {
  const { path, config } = await fresh()
  const older = readFileSync(path)
  await config.set('a', 1)
  writeFileSync(path, older)
  expect(openConfigSync(path, { keys: sources }).rev).toBe(1)
})

test('reading a later write is remembered too, and pins are for their owner alone', async () => {
  const { path, pins, open } = await fresh()
  await openConfigSync(path, { keys: sources }).set('a', 1)
  const older = readFileSync(path)
  await openConfigSync(path, { keys: sources }).set('a', 2)
  const held = open()
  writeFileSync(path, older)
  expect(open).toThrow(failsWith('ERR_CONFIG_ROLLBACK'))
  expect(() => held.reloadSync()).toThrow(failsWith('ERR_CONFIG_ROLLBACK'))
  const [name = ''] = readdirSync(pins)
  expect([statSync(pins).mode & 0o777, statSync(join(pins, name)).mode & 0o777]).toEqual([0o700, 0o600])
  expect(JSON.parse(readFileSync(join(pins, name), 'utf8'))).toMatchObject({ path, rev: 3 })
})

test('a pin that is damaged or open to others is refused, not replaced', async () => {
  const { pins, open } = await fresh()
  const file = join(pins, readdirSync(pins)[0] ?? '')
  for (const text of ['', '{}', 'x', '{"id":1}']) {
    writeFileSync(file, text)
    expect(open).toThrow(/ERR_CONFIG|unreadable|JSON/)
    expect(readFileSync(file, 'utf8')).toBe(text)
  }
  chmodSync(file, 0o666)
  expect(open).toThrow(failsWith('ERR_CONFIG_UNSAFE'))
  rmSync(file)
  expect(open().rev).toBe(1)
})

test('pin: true is the state folder of the user; a made file takes the place of one before it', async () => {
  const state = freshFolder()
  process.env['XDG_STATE_HOME'] = state
  const path = join(freshFolder(), 'c.json')
  const first = await createConfig(path, { keys: sources, pin: true })
  await first.set('a', 1)
  expect(readdirSync(join(state, 'portcullis/pins'))).toHaveLength(1)
  rmSync(path)
  await createConfig(path, { keys: sources, pin: true })
  expect(openConfigSync(path, { keys: sources, pin: true }).rev).toBe(1)
})

test('a Fernet file in the place of a sealed one that was seen is refused', async () => {
  const { path, pins } = await fresh()
  const fernet = 'bOx8OO5BxUzL7Ep0S1uNvauPDclOhV4yjBaXOBcpI8E='
  const key = keys.file(put(join(freshFolder(), 'k'), fernet))
  put(path, '{"a": 1}')
  expect(openConfigSync(path, { keys: [key] }).legacy).toBe(true)
  expect(() => openConfigSync(path, { keys: [key], pin: { folder: pins } })).toThrow(failsWith('ERR_CONFIG_ROLLBACK'))
})

test('where nothing can be remembered is an error and not a file without a pin', async () => {
  const { path } = await fresh()
  const blocked = join(freshFolder(), 'file')
  writeFileSync(blocked, '')
  const open = (pin: never) => () => openConfigSync(path, { keys: sources, pin })
  expect(open({ folder: join(blocked, 'x') } as never)).toThrow(/ERR_CONFIG|cannot/)
  for (const bad of ['state', 1, { folder: '' }, { folder: 1 }, { dir: 'x' }, []]) {
    expect(open(bad as never)).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  }
})

test('a write waits until it can be remembered: what was acknowledged is never older afterwards', async () => {
  const { path, pins, config, open } = await fresh()
  const older = readFileSync(path)
  const pin = join(pins, readdirSync(pins)[0] ?? '')
  const lock = acquireLock(pin)
  const written = config.set('a', 1)
  while (readFileSync(path).equals(older)) await new Promise(setImmediate)
  lock.release()
  await written
  expect(JSON.parse(readFileSync(pin, 'utf8'))).toMatchObject({ rev: 2 })
  writeFileSync(path, older)
  expect(open).toThrow(failsWith('ERR_CONFIG_ROLLBACK'))
})

test('a pin that stays in use is an error after a while, and one that is free again is written', async () => {
  const { path, pins } = await fresh()
  const pin = join(pins, readdirSync(pins)[0] ?? '')
  const write = { id: 'x', rev: 9, mac: randomBytes(32) }
  const lock = acquireLock(pin)
  expect(() => runSync(raisePin(pin, path, write, 20))).toThrow(failsWith('ERR_CONFIG_LOCKED', 'unavailable'))
  await expect(runAsync(raisePin(pin, path, write, 20))).rejects.toThrow(failsWith('ERR_CONFIG_LOCKED'))
  const waiting = raisePin(pin, path, write)
  expect([waiting.next().done, waiting.next().done]).toEqual([false, false])
  lock.release()
  expect(waiting.next().done).toBe(true)
  expect(JSON.parse(readFileSync(pin, 'utf8'))).toMatchObject({ id: 'x', rev: 9 })
})

test('many processes that read, write and pin at once never see an error', { timeout: 60_000 }, async () => {
  const { path, pins, open } = await fresh()
  const count = isLong ? 100 : 10
  mkdirSync(pins, { recursive: true })
  const options = `{ keys: [lib.keys.raw(Buffer.from('${raw.toString('hex')}', 'hex'))], pin: { folder: ${JSON.stringify(pins)} } }`
  const body = (name: string) => `
for (let n = 0; n < ${count}; n++) {
  await lib.openConfigSync(${JSON.stringify(path)}, ${options}).set('${name}' + n, n)
}`
  const codes = await Promise.all(['a', 'b', 'c', 'd'].map((name) => runChild(body(name))))
  expect(codes.map(({ code }) => code)).toEqual([0, 0, 0, 0])
  expect(open().rev).toBe(4 * count + 1)
})
