import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { acquireLock } from '@portcullis-internal/files'
import { afterAll, expect, test } from 'vitest'
import { createConfig, keys, openConfigSync } from '../src/index.ts'
import { failsWith, freshFolder, isLong, runChild } from './scratch.ts'

const sourcesOf = (path: string) => [keys.file(join(dirname(path), 'k'))] as const
const fresh = async () => {
  const path = join(freshFolder(), 'app.json')
  return { path, config: await createConfig(path, { keys: sourcesOf(path) }) }
}
const openIn = (path: string) =>
  `const config = lib.openConfigSync(${JSON.stringify(path)}, { keys: [lib.keys.file(${JSON.stringify(join(dirname(path), 'k'))})] })`

test('eight processes that write at once lose nothing, and a reader among them never fails', {
  timeout: 120_000,
}, async () => {
  const { path, config } = await fresh()
  const count = isLong ? 100 : 4
  let done = false
  const writers = Promise.all(
    ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) =>
      runChild(`${openIn(path)}
for (let n = 0; n < ${count}; n++) await config.set('${name}' + n, '${name}' + n, { sealed: n % 2 === 0 })`),
    ),
  ).finally(() => {
    done = true
  })
  let reads = 0
  while (!done) {
    config.reloadSync()
    reads++
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect((await writers).map(({ code }) => code)).toEqual(Array(8).fill(0))
  config.reloadSync()
  expect(config.names()).toHaveLength(8 * count)
  for (const { name } of config.names()) expect(config.get(name)).toBe(name)
  expect(config.rev).toBe(8 * count + 1)
  expect(reads).toBeGreaterThan(0)
})

test('changes within one process wait for each other', async () => {
  const { path, config } = await fresh()
  const other = openConfigSync(path, { keys: sourcesOf(path) })
  await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? config : other).set(`n${n}`, n)))
  config.reloadSync()
  expect([config.names().length, config.rev]).toEqual([20, 21])
})

test('a writer killed at any moment, rotations of keys among its writes, leaves a file that opens with all that was acknowledged', {
  timeout: 600_000,
}, async () => {
  const { path } = await fresh()
  const rounds = isLong ? 1000 : 12
  let acknowledged = 0
  for (let round = 0; round < rounds; round++) {
    const { code, text } = await runChild(
      `${openIn(path)}
const rotations = [
  () => config.rotateKey(),
  () => config.rotateDataKey(),
  () => config.rotateKey({ graceDays: 1 }),
  () => config.finishRotation(),
]
for (let n = 0; ; n++) {
  await config.set('r${round}.' + (n % 50), n)
  writeSync(1, n + '\\n')
  if (n % 3 === ${round} % 3) await rotations[(n + ${round}) % rotations.length]()
}`,
      { killAfterMs: 1 + ((round * 7) % 60) },
    )
    expect(code).toBeNull()
    const last = Number(text.trimEnd().split('\n').at(-1))
    // Nobody is locked out: the key file opens it.
    const config = openConfigSync(path, { keys: sourcesOf(path) })
    const written = config.names().filter(({ name }) => name.startsWith(`r${round}.`))
    // The one after the last acknowledged may be there or not.
    expect([last, last + 1]).toContain(Math.max(...written.map(({ name }) => config.get(name) as number)))
    expect(config.get(`r${round}.${last % 50}`)).toBe(last)
    acknowledged += last + 1
    // Values of earlier rounds are no longer needed, and would make each write longer.
    if (round % 20 === 19) {
      await config.update((draft) => config.names().forEach(({ name }) => draft.delete(name)))
    }
  }
  expect(acknowledged).toBeGreaterThan(rounds)
  const config = openConfigSync(path, { keys: sourcesOf(path) })
  await config.rotateKey()
  await config.finishRotation()
  // A lock that was being drafted, still empty, is anyone's guess for 30 s.
  const left = readdirSync(dirname(path)).filter((name) => !/^(?:app\.json|k)\.lock\.[0-9a-f]{24}\.new$/.test(name))
  expect(left.sort()).toEqual(['app.json', 'k'])
  expect(config.keyTable()).toHaveLength(1)
  expect(
    readFileSync(join(dirname(path), 'k'), 'utf8')
      .trim()
      .split('\n'),
  ).toHaveLength(1)
})

test('a maker killed at any moment leaves no configuration whose key is lost', async () => {
  for (let round = 0; round < 5; round++) {
    const path = join(freshFolder(), 'app.json')
    await runChild(
      `writeSync(1, 'x')
await lib.createConfig(${JSON.stringify(path)}, { keys: [lib.keys.file(${JSON.stringify(join(dirname(path), 'k'))})] })
process.kill(process.pid, 'SIGKILL')`,
      { killAfterMs: round * 3 },
    )
    const config = await createConfig(path, { keys: sourcesOf(path) }).catch(() =>
      openConfigSync(path, { keys: sourcesOf(path) }),
    )
    await config.set('a', 1)
    expect(openConfigSync(path, { keys: sourcesOf(path) }).get('a')).toBe(1)
  }
})

test('a disk that takes no more leaves the old file and nothing else', async () => {
  const { path, config } = await fresh()
  await config.set('a', 1)
  const text = readFileSync(path, 'utf8')
  const { text: said } = await runChild(
    `${openIn(path)}
await config.set('big', 'x'.repeat(100000)).catch((error) => writeSync(1, error.code + ' ' + error.fault))`,
    // Blocks of 512 or 1,024 bytes: less than the value either way.
    { shell: 'ulimit -f 16; exec "$0" "$@"' },
  )
  expect(said).toBe('ERR_CONFIG_WRITE unavailable')
  expect(readFileSync(path, 'utf8')).toBe(text)
  expect(readdirSync(dirname(path)).sort()).toEqual(['app.json', 'k'])
  await config.set('a', 2)
})

/** A small file system of its own; `undefined` where none can be mounted. */
const smallDisk = (): string | undefined => {
  const folder = freshFolder()
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', folder])
  if (status === 0) mounted.push(folder)
  else console.warn('\n\n*** NOTHING CAN BE MOUNTED: a full disk is tested by a limit of file sizes alone. ***\n\n')
  return status === 0 ? folder : undefined
}
const mounted: string[] = []
afterAll(() => {
  for (const folder of mounted) spawnSync('umount', [folder])
})

test('a file system that is full, or read-only, keeps the old file and nothing else', async () => {
  const folder = smallDisk()
  if (folder === undefined) return
  const path = join(folder, 'app.json')
  const config = await createConfig(path, { keys: sourcesOf(path) })
  await config.set('a', 1)
  const text = readFileSync(path, 'utf8')
  const key = readFileSync(join(folder, 'k'), 'utf8')
  await expect(config.set('big', 'x'.repeat(300_000))).rejects.toThrow(failsWith('ERR_CONFIG_WRITE', 'unavailable'))
  writeFileSync(join(folder, 'ballast'), 'x'.repeat(20_000))
  const left = Math.floor((256 * 1024 - 20_000) / 4096) * 4096
  expect(() => writeFileSync(join(folder, 'more'), 'x'.repeat(left))).toThrow('ENOSPC')
  for (const change of [() => config.set('a', 2), () => config.rotateKey(), () => config.rotateDataKey()]) {
    await expect(change()).rejects.toThrow(failsWith('ERR_CONFIG_WRITE'))
  }
  expect(readdirSync(folder).sort()).toEqual(['app.json', 'ballast', 'k', 'more'])
  rmSync(join(folder, 'more'))
  expect([readFileSync(path, 'utf8'), readFileSync(join(folder, 'k'), 'utf8')]).toEqual([text, key])
  expect(spawnSync('mount', ['-o', 'remount,ro', folder]).status).toBe(0)
  for (const change of [() => config.set('a', 2), () => config.rotateKey()]) {
    await expect(change()).rejects.toThrow(failsWith('ERR_CONFIG_WRITE'))
  }
  expect(openConfigSync(path, { keys: sourcesOf(path) }).get('a')).toBe(1)
  spawnSync('mount', ['-o', 'remount,rw', folder])
  await config.set('a', 2)
  expect(readFileSync(path, 'utf8')).not.toBe(text)
})

const isRoot = process.getuid?.() === 0
if (!isRoot) console.warn('\n\n*** NOT ROOT: that another user may not write is not tested. ***\n\n')

test.runIf(isRoot)('a user who may read and not write changes nothing', async () => {
  const { path, config } = await fresh()
  await config.set('a', 1)
  const text = readFileSync(path, 'utf8')
  const raw = JSON.stringify(
    readFileSync(join(dirname(path), 'k'), 'utf8')
      .trim()
      .split('_')[2],
  )
  for (let folder = dirname(path); folder.startsWith(tmpdir()) && folder !== tmpdir(); folder = dirname(folder)) {
    chmodSync(folder, 0o755)
  }
  chmodSync(path, 0o644)
  const { text: said, code } = await runChild(
    `process.setuid(65534)
const config = lib.openConfigSync(${JSON.stringify(path)}, { keys: [lib.keys.raw(Buffer.from(${raw}, 'hex'))] })
writeSync(1, config.get('a') + ' ')
await config.set('a', 2).catch((error) => writeSync(1, error.code))`,
  )
  expect([code, said]).toEqual([0, '1 ERR_CONFIG_WRITE'])
  expect(readFileSync(path, 'utf8')).toBe(text)
  expect(readdirSync(dirname(path)).sort()).toEqual(['app.json', 'k'])
})

test('a place that cannot be written to is a fault of its own', async () => {
  const { path, config } = await fresh()
  const blocked = [join('/proc', 'app.json'), join(path, 'below', 'app.json')]
  for (const place of blocked) {
    await expect(createConfig(place, { keys: sourcesOf(path) })).rejects.toThrow(
      failsWith('ERR_CONFIG_WRITE', 'unavailable'),
    )
  }
  await config.set('a', 1)
})

test('a lock that a live process holds is waited for; one that a dead process left is taken', async () => {
  const { path, config } = await fresh()
  const lock = acquireLock(path)
  const waiting = config.set('a', 1)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(openConfigSync(path, { keys: sourcesOf(path) }).has('a')).toBe(false)
  lock.release()
  await waiting
  const { code } = await runChild(`${openIn(path)}
await config.update(() => process.kill(process.pid, 'SIGKILL'))`)
  expect(code).toBeNull()
  expect(readdirSync(dirname(path))).toContain('app.json.lock')
  writeFileSync(join(dirname(path), '.app.json.0123456789abcdef01.tmp'), 'left behind')
  await config.set('a', 2)
  expect(readdirSync(dirname(path)).sort()).toEqual(['app.json', 'k'])
})
