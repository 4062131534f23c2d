import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeFileAtomicSync } from '../src/index.ts'
import { exitOf, firstLine, freshDirectory, startChild } from './children.ts'

test('a new file has the mode asked for, whatever the umask', () => {
  const path = join(freshDirectory(), 'f')
  writeFileAtomicSync(path, 'one')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const other = join(freshDirectory(), 'f')
  writeFileAtomicSync(other, new Uint8Array([1, 2]), { mode: 0o664 })
  expect(statSync(other).mode & 0o777).toBe(0o664)
  expect([...readFileSync(other)]).toEqual([1, 2])
})

test('an existing file keeps its mode and gets a new inode', () => {
  const path = join(freshDirectory(), 'f')
  writeFileSync(path, 'old')
  chmodSync(path, 0o640)
  const before = statSync(path).ino
  writeFileAtomicSync(path, 'new', { mode: 0o644 })
  expect(statSync(path).mode & 0o777).toBe(0o640)
  expect(statSync(path).ino).not.toBe(before)
  expect(readFileSync(path, 'utf8')).toBe('new')
})

test('the mode of an existing file narrows what is asked for and never widens it', () => {
  const rows: [existing: number, asked: number | undefined, result: number][] = [
    [0o644, 0o600, 0o600],
    [0o644, undefined, 0o600],
    [0o666, 0o600, 0o600],
    [0o777, 0o644, 0o644],
    [0o640, 0o644, 0o640],
    [0o600, 0o644, 0o600],
    // The owner keeps what was asked for: a file that was read-only by accident can be written and read again.
    [0o400, 0o600, 0o600],
    [0o044, 0o644, 0o644],
    [0o000, 0o600, 0o600],
    [0o600, 0o400, 0o400],
  ]
  for (const [existing, asked, result] of rows) {
    const path = join(freshDirectory(), 'f')
    writeFileSync(path, 'old')
    chmodSync(path, existing)
    writeFileAtomicSync(path, 'new', asked === undefined ? {} : { mode: asked })
    expect([existing, asked, statSync(path).mode & 0o7777]).toEqual([existing, asked, result])
  }
})

test('a symbolic link is replaced and what it points at is not touched', () => {
  const directory = freshDirectory()
  writeFileSync(join(directory, 'victim'), 'precious')
  symlinkSync('victim', join(directory, 'f'))
  writeFileAtomicSync(join(directory, 'f'), 'new')
  expect(readFileSync(join(directory, 'victim'), 'utf8')).toBe('precious')
  expect(lstatSync(join(directory, 'f')).isSymbolicLink()).toBe(false)
})

test('a failure leaves no temporary file and says what failed', () => {
  const directory = freshDirectory()
  mkdirSync(join(directory, 'f'))
  expect(() => writeFileAtomicSync(join(directory, 'f'), 'x')).toThrow(/is a directory/)
  expect(() => writeFileAtomicSync(join(directory, 'none', 'f'), 'x')).toThrow(
    expect.objectContaining({
      code: 'ERR_FILE_WRITE',
      fault: 'unavailable',
      message: expect.stringContaining('ENOENT'),
    }),
  )
  writeFileSync(join(directory, 'g'), 'old')
  expect(() => writeFileAtomicSync(join(directory, 'g'), 42 as never)).toThrow(/cannot be written/)
  expect(readdirSync(directory).sort()).toEqual(['f', 'g'])
  expect(readFileSync(join(directory, 'g'), 'utf8')).toBe('old')
})

test('a writer killed at any moment leaves the old content or the new, whole', async () => {
  const path = join(freshDirectory(), 'f')
  const content = (letter: string) => letter.repeat(200_000)
  writeFileSync(path, content('a'))
  for (let round = 0; round < 4; round++) {
    const child = startChild(`for (let i = 0; ; i++) {
      files.writeFileAtomicSync(${JSON.stringify(path)}, (i % 2 ? 'a' : 'b').repeat(200000))
      if (i === 0) print('started')
    }`)
    await firstLine(child)
    await new Promise((resolve) => setTimeout(resolve, round * 7))
    child.kill('SIGKILL')
    await exitOf(child)
    expect([content('a'), content('b')]).toContain(readFileSync(path, 'utf8'))
  }
})

test('a file of someone else is refused before the content is written, whoever runs this', async () => {
  const directory = freshDirectory()
  const path = join(directory, 'f')
  writeFileSync(path, 'old')
  const child = startChild(`
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const real = fs.lstatSync
    fs.lstatSync = (...args) => Object.assign(real(...args), { uid: 4321 })
    fs.fchownSync = () => { throw Object.assign(new Error('EPERM'), { code: 'EPERM' }) }
    fs.writeFileSync = () => print('written')
    syncBuiltinESMExports()
    try { files.writeFileAtomicSync(${JSON.stringify(path)}, 'new') } catch (error) { print(error.code + ' ' + error.message) }`)
  expect(await firstLine(child)).toMatch(
    /^ERR_FILE_WRITE .* belongs to user 4321, .*\(EPERM\); to mend it: run this as user 4321, or chown \d+:\d+ /,
  )
  expect(await exitOf(child)).toBe(0)
  expect(readdirSync(directory)).toEqual(['f'])
  expect(readFileSync(path, 'utf8')).toBe('old')
})
