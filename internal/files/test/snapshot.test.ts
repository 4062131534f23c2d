import { chmodSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createFileSnapshot, removeLeftovers, writeFileAtomicSync } from '../src/index.ts'
import { freshDirectory } from './children.ts'

const watched = () => {
  const path = join(freshDirectory(), 'f.json')
  let nowMs = 0
  let parses = 0
  const snapshot = createFileSnapshot(
    path,
    (text) => {
      parses++
      return JSON.parse(text) as unknown
    },
    { clock: () => nowMs },
  )
  return { path, snapshot, parses: () => parses, pass: (ms: number) => (nowMs += ms) }
}
const settle = () => new Promise((resolve) => setTimeout(resolve, 80))

test('looks at the file at most once in the interval and parses only when it changed', async () => {
  const { path, snapshot, parses, pass } = watched()
  writeFileAtomicSync(path, '1')
  await settle()
  expect(snapshot.current()).toBe(1)
  writeFileAtomicSync(path, '2')
  pass(249)
  expect(snapshot.current()).toBe(1)
  pass(1)
  expect(snapshot.current()).toBe(2)
  await settle()
  pass(250)
  snapshot.current()
  const before = parses()
  for (let i = 0; i < 10; i++) {
    pass(250)
    expect(snapshot.current()).toBe(2)
  }
  expect(parses()).toBe(before)
})

test('a change that leaves size and modification time as they were is seen', async () => {
  const { path, snapshot, pass } = watched()
  writeFileSync(path, '1', { mode: 0o600 })
  const time = new Date(1_700_000_000_000)
  utimesSync(path, time, time)
  await settle()
  expect(snapshot.current()).toBe(1)
  writeFileSync(path, '2')
  utimesSync(path, time, time)
  pass(250)
  expect(snapshot.current()).toBe(2)
})

test('changes within one tick of the file clock are all seen', () => {
  const { path, snapshot, pass } = watched()
  writeFileSync(path, '0', { mode: 0o600 })
  for (let n = 0; n < 200; n++) {
    writeFileSync(path, String(n % 10))
    pass(250)
    expect(snapshot.current()).toBe(n % 10)
  }
})

test('absent is a state of its own, and refresh does not wait', () => {
  const { path, snapshot } = watched()
  expect(snapshot.current()).toBeUndefined()
  writeFileAtomicSync(path, '1')
  expect(snapshot.current()).toBeUndefined()
  expect(snapshot.refresh()).toBe(1)
  rmSync(path)
  expect(snapshot.refresh()).toBeUndefined()
})

test('a damaged or unsafe file throws every time until it is mended', () => {
  const { path, snapshot, pass } = watched()
  writeFileAtomicSync(path, '{"half')
  expect(() => snapshot.current()).toThrow(SyntaxError)
  expect(() => snapshot.current()).toThrow(SyntaxError)
  pass(250)
  expect(() => snapshot.current()).toThrow(SyntaxError)
  writeFileAtomicSync(path, '3')
  chmodSync(path, 0o644)
  pass(250)
  expect(() => snapshot.current()).toThrow(`chmod 600 ${path}`)
  chmodSync(path, 0o600)
  expect(() => snapshot.current()).toThrow(/chmod/)
  pass(250)
  expect(snapshot.current()).toBe(3)
})

test('a file whose times are ahead of the clock is read again until it is certain, and then no more', () => {
  const { path, snapshot, parses, pass } = watched()
  writeFileAtomicSync(path, '1')
  // The kernel writes ctime by its own clock: ours stands an hour behind.
  const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 3_600_000)
  onTestFinished(() => now.mockRestore())
  expect(snapshot.current()).toBe(1)
  pass(40)
  expect([snapshot.refresh(), parses()]).toEqual([1, 2])
  pass(20)
  expect([snapshot.refresh(), parses()]).toEqual([1, 3])
  for (let i = 0; i < 100; i++) snapshot.refresh()
  expect(parses()).toBe(3)
  writeFileAtomicSync(path, '2')
  expect(snapshot.refresh()).toBe(2)
})

test('what killed writers left is removed once it is old, and nothing else', () => {
  const folder = freshDirectory()
  const old = (Date.now() - 3_600_000) / 1000
  const names = [
    '.f.json.0a.tmp',
    'f.json.lock.0a.new',
    '.other.json.0a.tmp',
    'f.json',
    'f.json.lock',
    'f.json.lock.0a',
  ]
  for (const name of names) {
    writeFileSync(join(folder, name), '')
    utimesSync(join(folder, name), old, old)
  }
  writeFileSync(join(folder, '.f.json.0b.tmp'), '')
  removeLeftovers(join(folder, 'f.json'))
  expect(readdirSync(folder).sort()).toEqual(['.f.json.0b.tmp', ...names.slice(2)].sort())
})
