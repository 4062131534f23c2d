import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { exitOf, firstLine, freshDirectory, startChild } from './children.ts'

vi.setConfig({ testTimeout: 60_000 })

/** Runs `body` in a process of its own, where the file system can be counted and made to fail; it prints JSON. */
const inChild = async (path: string, body: string): Promise<unknown> => {
  const child = startChild(`
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const replace = (name, fn) => { const real = fs[name]; fs[name] = fn(real); syncBuiltinESMExports(); return () => { fs[name] = real; syncBuiltinESMExports() } }
    const path = ${JSON.stringify(path)}
    const say = (value) => print(JSON.stringify(value))
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const until = async (done) => { while (!done()) await sleep(1) }
    const marks = () => fs.readdirSync('/proc/self/fdinfo').flatMap((fd) => {
      try { return fs.readFileSync('/proc/self/fdinfo/' + fd, 'utf8').split('\\n').filter((line) => line.startsWith('inotify ')) } catch { return [] }
    }).length
    const snapshotOf = (options) => files.createFileSnapshot(path, JSON.parse, { watch: true, clock: () => 0, ...options })
    ${body}`)
  const line = await firstLine(child)
  // It ends by itself, with watches that nobody closed.
  expect(await exitOf(child)).toBe(0)
  return JSON.parse(line)
}

const fileWith = (text: string): string => {
  const path = join(freshDirectory(), 'f')
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

test('nothing is asked of the file system while nothing was said and the interval is not over', async () => {
  const counts = await inChild(
    fileWith('1'),
    `
    const snapshot = snapshotOf()
    snapshot.current()
    await sleep(100)
    snapshot.current()
    let calls = 0
    for (const name of ['statSync', 'lstatSync', 'openSync', 'fstatSync', 'readSync', 'readlinkSync', 'watch']) {
      replace(name, (real) => (...args) => { calls++; return real(...args) })
    }
    for (let n = 0; n < 10000; n++) snapshot.current()
    const quiet = calls
    snapshot.refresh()
    say({ quiet, asked: calls > 0 })`,
  )
  expect(counts).toEqual({ quiet: 0, asked: true })
})

test.runIf(process.platform === 'linux')(
  'a folder has one watch, however many snapshots, and none when they are closed',
  async () => {
    const counts = await inChild(
      fileWith('1'),
      `
    const many = Array.from({ length: 100 }, () => snapshotOf())
    for (const snapshot of many) snapshot.current()
    const shared = marks()
    for (const snapshot of many.slice(1)) snapshot.close()
    const last = marks()
    many[0].close()
    const closed = marks()
    for (let n = 0; n < 2000; n++) { const snapshot = snapshotOf(); snapshot.current(); snapshot.close() }
    const folder = path + '.d'
    const moving = files.createFileSnapshot(folder + '/x', JSON.parse, { watch: true })
    for (let n = 0; n < 50; n++) {
      fs.mkdirSync(folder); moving.refresh(); fs.rmSync(folder, { recursive: true }); await sleep(2); moving.refresh()
    }
    await until(() => (moving.refresh(), marks() <= 1))
    say({ shared, last, closed, after: marks() })`,
    )
    expect(counts).toEqual({ shared: 1, last: 1, closed: 0, after: 1 })
  },
)

test('where the system gives no watch the clock holds, and a watch is taken when there is one again', async () => {
  for (const code of ['ENOSPC', 'EMFILE', 'EACCES']) {
    const seen = await inChild(
      fileWith('1'),
      `
      const restore = replace('watch', () => () => { throw Object.assign(new Error(), { code: '${code}' }) })
      let nowMs = 0
      const snapshot = snapshotOf({ clock: () => nowMs })
      const values = [snapshot.current()]
      files.writeFileAtomicSync(path, '2')
      await sleep(20)
      values.push(snapshot.current())
      nowMs += 250
      values.push(snapshot.current())
      await sleep(100)
      nowMs += 250
      snapshot.current()
      restore()
      nowMs += 250
      snapshot.current()
      files.writeFileAtomicSync(path, '3')
      await until(() => snapshot.current() === 3)
      say(values)`,
    )
    expect(seen).toEqual([1, 1, 2])
  }
})

test('a watch that fails later is no fault of the process, and is replaced', async () => {
  const seen = await inChild(
    fileWith('1'),
    `
    const watchers = []
    replace('watch', (real) => (...args) => { const watcher = real(...args); watchers.push(watcher); return watcher })
    const snapshot = snapshotOf()
    const values = [snapshot.current()]
    for (let n = 2; n < 5; n++) {
      watchers.at(-1).emit('error', Object.assign(new Error('EPERM'), { code: 'EPERM' }))
      files.writeFileAtomicSync(path, String(n))
      values.push(snapshot.current())
      files.writeFileAtomicSync(path, '"' + n + ' again"')
      await until(() => snapshot.current() === n + ' again')
    }
    say({ values, watchers: watchers.length })`,
  )
  expect(seen).toEqual({ values: [1, 2, 3, 4], watchers: 4 })
})

test('a path that leads elsewhere each time it is followed does not hold the process up', async () => {
  const seen = await inChild(
    fileWith('1'),
    `
    const { dirname, basename } = await import('node:path')
    const folder = dirname(path), link = folder + '/link'
    let n = 0
    for (let i = 0; i < 30; i++) { fs.mkdirSync(folder + '/' + i); fs.writeFileSync(folder + '/' + i + '/f', String(i), { mode: 0o600 }) }
    fs.symlinkSync('0', link)
    const restore = replace('readlinkSync', (real) => (...args) => {
      const target = real(...args)
      n = Math.min(n + 1, 29)
      fs.rmSync(link)
      fs.symlinkSync(String(n), link)
      return target
    })
    const snapshot = files.createFileSnapshot(link + '/f', JSON.parse, { watch: true, clock: () => 0 })
    const first = snapshot.current()
    restore()
    fs.writeFileSync(link + '/f', '"last"')
    await until(() => snapshot.current() === 'last')
    say(first <= 29)`,
  )
  expect(seen).toBe(true)
})

test('a change in the moment after the first read, and a link exchanged in the moment before its folder is watched', async () => {
  const seen = await inChild(
    fileWith('1'),
    `
    const { dirname } = await import('node:path')
    const folder = dirname(path), link = folder + '/link'
    for (const name of ['/a', '/b']) { fs.mkdirSync(folder + name); fs.writeFileSync(folder + name + '/f', '"' + name + '"', { mode: 0o600 }) }
    fs.symlinkSync('a', link)
    const afterRead = replace('readSync', (real) => (...args) => {
      const length = real(...args)
      if (length === 0) { afterRead(); fs.writeFileSync(path, '2') }
      return length
    })
    const snapshot = snapshotOf()
    const values = [snapshot.current()]
    await until(() => snapshot.current() === 2)
    snapshot.close()
    const beforeWatch = replace('watch', (real) => (...args) => {
      beforeWatch()
      fs.rmSync(link)
      fs.symlinkSync('b', link)
      return real(...args)
    })
    const linked = files.createFileSnapshot(link + '/f', JSON.parse, { watch: true, clock: () => 0 })
    values.push(linked.current())
    await sleep(50)
    values.push(linked.current())
    fs.writeFileSync(folder + '/b/f', '3')
    await until(() => linked.current() === 3)
    say(values)`,
  )
  expect(seen).toEqual([1, '/b', '/b'])
})

test('what was heard of is read though the stat is the same: a slow write shows its time before its content', async () => {
  const seen = await inChild(
    fileWith('1'),
    `
    await sleep(80)
    const before = fs.statSync(path, { bigint: true })
    for (const name of ['statSync', 'fstatSync']) {
      replace(name, (real) => (of, options) => { const stat = real(of, options); return stat.ino === before.ino ? before : stat })
    }
    const snapshot = snapshotOf()
    const values = [snapshot.current()]
    await sleep(20)
    snapshot.current()
    fs.writeFileSync(path, '2')
    await until(() => snapshot.current() === 2)
    say(values)`,
  )
  expect(seen).toEqual([1])
})
