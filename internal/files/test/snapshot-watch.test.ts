import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { type FileSnapshot, writeFileAtomicSync } from '../src/index.ts'
import { freshDirectory } from './children.ts'
import { quoted, seen, startWriter, watched, wrong } from './writer.ts'

vi.setConfig({ testTimeout: 60_000 })

const writer = startWriter()
const put = (path: string, text: string) => writer.run(`files.writeFileAtomicSync(${quoted(path)}, ${quoted(text)})`)

test('a file put in the place of another is seen, whatever is written beside it', async () => {
  const path = join(freshDirectory(), 'f')
  writeFileAtomicSync(path, '0')
  const snapshot = watched(path)
  expect(snapshot.current()).toBe(0)
  for (let n = 1; n <= 50; n++) {
    await put(path, String(n))
    await seen(snapshot, n)
  }
})

test('a file written where it is: other content of the same length, longer, shorter, none', async () => {
  const path = join(freshDirectory(), 'f')
  writeFileAtomicSync(path, '1')
  const snapshot = watched(path)
  expect(snapshot.current()).toBe(1)
  for (const text of ['2', '3', '456', '7', '"long"']) {
    await writer.run(`fs.writeFileSync(${quoted(path)}, ${quoted(text)})`)
    await seen(snapshot, JSON.parse(text))
  }
  await writer.run(`fs.truncateSync(${quoted(path)})`)
  await wrong(snapshot, /JSON/)
  await writer.run(`fs.appendFileSync(${quoted(path)}, '[')`)
  await turn()
  expect(() => snapshot.current()).toThrow(/JSON/)
  await writer.run(`fs.writeFileSync(${quoted(path)}, '8')`)
  await seen(snapshot, 8)
})

test('a changed mode, a removed file and a link in its place are refused at once, and mended at once', async () => {
  const path = join(freshDirectory(), 'f')
  writeFileAtomicSync(path, '1')
  const snapshot = watched(path)
  expect(snapshot.current()).toBe(1)
  await writer.run(`fs.chmodSync(${quoted(path)}, 0o644)`)
  await wrong(snapshot, /can be read by other users/)
  await writer.run(`fs.chmodSync(${quoted(path)}, 0o600)`)
  await seen(snapshot, 1)
  await writer.run(`fs.rmSync(${quoted(path)})`)
  await seen(snapshot, undefined)
  await put(path, '2')
  await seen(snapshot, 2)
  await writer.run(`fs.renameSync(${quoted(path)}, ${quoted(`${path}.real`)})`)
  await seen(snapshot, undefined)
  await writer.run(`fs.symlinkSync('f.real', ${quoted(path)})`)
  await wrong(snapshot, /symbolic link/)
  await writer.run(`fs.renameSync(${quoted(`${path}.real`)}, ${quoted(path)})`)
  await seen(snapshot, 2)
})

test('a changed owner is refused at once', async (context) => {
  const note = 'only root can give files to other users'
  if (process.getuid?.() !== 0) {
    console.warn(`NOT TESTED that a changed owner is seen: ${note}`)
    context.skip(note)
  }
  const path = join(freshDirectory(), 'f')
  writeFileAtomicSync(path, '1')
  const snapshot = watched(path)
  expect(snapshot.current()).toBe(1)
  await writer.run(`fs.chownSync(${quoted(path)}, 65534, 0)`)
  await wrong(snapshot, /belongs to user 65534/)
  await writer.run(`fs.chownSync(${quoted(path)}, 0, 0)`)
  await seen(snapshot, 1)
})

test('changes within one tick of the file clock, and while it is being read: the last one stands', async () => {
  const path = join(freshDirectory(), 'f')
  writeFileSync(path, '100', { mode: 0o600 })
  const snapshot = watched(path)
  snapshot.current()
  let writing = true
  const writes = writer
    .run(
      `const fd = fs.openSync(${quoted(path)}, 'r+'); for (let n = 100; n < 1000; n++) fs.writeSync(fd, String(n), 0); fs.closeSync(fd)`,
    )
    .finally(() => (writing = false))
  let before = 100
  while (writing) {
    const now = snapshot.current() as number
    expect(now).toBeGreaterThanOrEqual(before)
    before = now
    await turn()
  }
  await writes
  await seen(snapshot, 999)
})

test('nothing is lost between the watch and the first read, whenever a snapshot begins', async () => {
  const path = join(freshDirectory(), 'd', 'f')
  const snapshots: FileSnapshot<unknown>[] = []
  for (let round = 0; round < 5; round++) {
    const last = round * 1000 + 200
    let writing = true
    const writes = writer
      .run(
        `fs.rmSync(${quoted(join(path, '..'))}, { recursive: true, force: true }); fs.mkdirSync(${quoted(join(path, '..'))})
        for (let n = ${round * 1000}; n <= ${last}; n++) {
          fs.writeFileSync(${quoted(`${path}.new`)}, String(n), { mode: 0o600 }); fs.renameSync(${quoted(`${path}.new`)}, ${quoted(path)})
        }`,
      )
      .finally(() => (writing = false))
    while (writing) {
      const snapshot = watched(path)
      snapshot.current()
      snapshots.push(snapshot)
      await turn()
    }
    await writes
    for (const snapshot of snapshots) await seen(snapshot, last)
  }
  expect(snapshots.length).toBeGreaterThan(5)
})

test('what happens to other files of the folder is not looked into', async () => {
  const folder = freshDirectory()
  const path = join(folder, 'f')
  writeFileAtomicSync(path, '1')
  let parses = 0
  const snapshot = watched(path, {}, () => ++parses)
  const other = watched(join(folder, 'other'))
  expect([snapshot.current(), other.current()]).toEqual([1, undefined])
  await put(join(folder, 'other'), '2')
  await seen(other, 2)
  expect(snapshot.current()).toBe(1)
})

test('one that is closed leaves the others their watch, and itself is asked by the clock', async () => {
  const folder = freshDirectory()
  const path = join(folder, 'f')
  writeFileAtomicSync(path, '1')
  let nowMs = 0
  const closed = watched(path, { clock: () => nowMs })
  const other = watched(path)
  expect([closed.current(), other.current()]).toEqual([1, 1])
  closed.close()
  closed.close()
  await put(path, '2')
  await seen(other, 2)
  expect(closed.current()).toBe(1)
  nowMs = 250
  expect(closed.current()).toBe(2)
  const never = watched(path)
  never.close()
  expect(never.current()).toBe(2)
})
