import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { writeFileAtomicSync } from '../src/index.ts'
import { freshDirectory } from './children.ts'
import { quoted, seen, soon, startWriter, watched } from './writer.ts'

vi.setConfig({ testTimeout: 60_000 })

const writer = startWriter()
const put = (path: string, text: string) => writer.run(`files.writeFileAtomicSync(${quoted(path)}, ${quoted(text)})`)

test('a folder that is not there yet, at any depth', async () => {
  const base = freshDirectory()
  const folder = join(base, 'a', 'b')
  const snapshot = watched(join(folder, 'f'))
  expect(snapshot.current()).toBeUndefined()
  await writer.run(`fs.mkdirSync(${quoted(join(base, 'a'))})`)
  await seen(snapshot, undefined)
  await writer.run(`fs.mkdirSync(${quoted(folder)})`)
  await put(join(folder, 'f'), '1')
  await seen(snapshot, 1)
  await writer.run(`fs.rmSync(${quoted(join(base, 'a'))}, { recursive: true })`)
  await seen(snapshot, undefined)
  await writer.run(`fs.mkdirSync(${quoted(folder)}, { recursive: true })`)
  await put(join(folder, 'f'), '2')
  await seen(snapshot, 2)
})

test('a folder that is removed and made again, or moved away, or exchanged, again and again', async () => {
  const base = freshDirectory()
  // The file has the name of its folder: what is said of one could be taken for the other.
  const folder = join(base, 'keys')
  const path = join(folder, 'keys')
  mkdirSync(folder)
  writeFileAtomicSync(path, '"first"')
  const snapshot = watched(path)
  expect(snapshot.current()).toBe('first')
  for (let n = 0; n < 10; n++) {
    await writer.run(`fs.rmSync(${quoted(folder)}, { recursive: true }); fs.mkdirSync(${quoted(folder)})`)
    await put(path, String(n))
    await seen(snapshot, n)
    await put(path, `"${n} again"`)
    await seen(snapshot, `${n} again`)
    await writer.run(`fs.mkdirSync(${quoted(`${folder}.new`)})`)
    await put(join(`${folder}.new`, 'keys'), `"${n} exchanged"`)
    await writer.run(
      `fs.renameSync(${quoted(folder)}, ${quoted(`${folder}.${n}`)}); fs.renameSync(${quoted(`${folder}.new`)}, ${quoted(folder)})`,
    )
    await seen(snapshot, `${n} exchanged`)
    await put(path, `"${n} within"`)
    await seen(snapshot, `${n} within`)
  }
})

test('a folder that a process stands in, removed while it was empty and made again', async () => {
  const folder = join(freshDirectory(), 'd')
  mkdirSync(folder)
  const path = join(folder, 'f')
  let nowMs = 0
  const snapshot = watched(path, { clock: () => nowMs })
  expect(snapshot.current()).toBeUndefined()
  // The system says that a folder is gone when nobody stands in it any more.
  const stander = startWriter()
  await stander.run(`process.chdir(${quoted(folder)})`)
  await writer.run(`fs.rmdirSync(${quoted(folder)}); fs.mkdirSync(${quoted(folder)})`)
  nowMs = 250
  expect(snapshot.current()).toBeUndefined()
  await put(path, '1')
  await seen(snapshot, 1)
})

test('a link to the folder, exchanged for a link to another', async () => {
  const base = freshDirectory()
  for (const name of ['one', 'two']) mkdirSync(join(base, name))
  symlinkSync('one', join(base, 'current'))
  const path = join(base, 'current', 'f')
  const snapshot = watched(path)
  expect(snapshot.current()).toBeUndefined()
  await put(join(base, 'one', 'f'), '1')
  await seen(snapshot, 1)
  await put(join(base, 'two', 'f'), '2')
  await writer.run(
    `fs.symlinkSync('two', ${quoted(join(base, 'new'))}); fs.renameSync(${quoted(join(base, 'new'))}, ${quoted(join(base, 'current'))})`,
  )
  await seen(snapshot, 2)
  await put(join(base, 'two', 'f'), '3')
  await seen(snapshot, 3)
  await put(join(base, 'one', 'f'), '4')
  await put(join(base, 'two', 'f'), '5')
  await seen(snapshot, 5)
})

/** What the kubelet does: a new folder with a time for a name, then `..data` exchanged, then the old folder removed. */
const mountSecret = (mount: string, generation: number, text: string): string => `
  const now = ${quoted(join(mount, `..2026_${generation}`))}
  fs.mkdirSync(now)
  fs.writeFileSync(now + '/key', ${quoted(text)}, { mode: 0o600 })
  fs.symlinkSync(${quoted(`..2026_${generation}`)}, ${quoted(join(mount, '..data_tmp'))})
  fs.renameSync(${quoted(join(mount, '..data_tmp'))}, ${quoted(join(mount, '..data'))})
  fs.rmSync(${quoted(join(mount, `..2026_${generation - 1}`))}, { recursive: true, force: true })`

test('the mount of a Kubernetes secret, by the name in it and through ..data', async () => {
  const mount = freshDirectory()
  await writer.run(mountSecret(mount, 0, '0'))
  symlinkSync('..data/key', join(mount, 'key'))
  const byName = watched(join(mount, 'key'), { secret: false })
  const through = watched(join(mount, '..data', 'key'))
  expect([byName.current(), through.current()]).toEqual([0, 0])
  for (let n = 1; n <= 10; n++) {
    await writer.run(mountSecret(mount, n, String(n)))
    await seen(byName, n)
    await seen(through, n)
  }
})

test('links in a circle and paths up and down are followed as the system does', async () => {
  const base = freshDirectory()
  mkdirSync(join(base, 'x', 'deep'), { recursive: true })
  symlinkSync('b', join(base, 'a'))
  symlinkSync('a', join(base, 'b'))
  const circle = watched(join(base, 'a', 'f'), { secret: false })
  expect(() => circle.current()).toThrow()
  await writer.run(
    `fs.rmSync(${quoted(join(base, 'b'))}); fs.mkdirSync(${quoted(join(base, 'b'))}); fs.writeFileSync(${quoted(join(base, 'b', 'f'))}, '1', { mode: 0o600 })`,
  )
  await seen(circle, 1)
  symlinkSync('x/deep', join(base, 'link'))
  const up = watched(`${base}//./link/../f`)
  expect(up.current()).toBeUndefined()
  await put(join(base, 'x', 'f'), '2')
  await seen(up, 2)
})

test('a changed mode of the folder itself is heard of', async () => {
  const base = freshDirectory()
  mkdirSync(join(base, 'd'))
  const path = join(base, 'd', 'f')
  writeFileAtomicSync(path, '1')
  let parses = 0
  const snapshot = watched(path, {}, () => ++parses)
  expect(snapshot.current()).toBe(1)
  // Root reads it all the same, so what is shown is that the folder's own mode is heard of.
  chmodSync(join(base, 'd'), 0o500)
  await soon(() => expect(snapshot.current()).toBeGreaterThan(1))
  chmodSync(join(base, 'd'), 0o700)
})
