import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { acquireLock, withLock } from '../src/index.ts'
import { exitOf, firstLine, freshDirectory, startChild } from './children.ts'

const target = () => join(freshDirectory(), 'data.json')
const locks = (path: string) => readdirSync(join(path, '..')).filter((name) => name.includes('.lock'))

test('a held lock is refused with the process id of the holder and free after release', () => {
  const path = target()
  const lock = acquireLock(path)
  expect(() => acquireLock(path)).toThrow(
    expect.objectContaining({
      code: 'ERR_FILE_LOCKED',
      message: `${JSON.stringify(path)} is in use by process ${process.pid}`,
    }),
  )
  lock.release()
  lock.release()
  acquireLock(path).release()
  expect(locks(path)).toEqual([])
})

test('a second release does not free the lock of the next holder', () => {
  const path = target()
  const first = acquireLock(path)
  first.release()
  const second = acquireLock(path)
  first.release()
  expect(() => acquireLock(path)).toThrow(/in use/)
  second.release()
})

test('a live process in another process keeps the lock; after kill -9 it is taken over', async () => {
  const path = target()
  const child = startChild(`files.acquireLock(${JSON.stringify(path)}); print('held'); setInterval(() => {}, 1000)`)
  expect(await firstLine(child)).toBe('held')
  expect(() => acquireLock(path)).toThrow(`in use by process ${child.pid}`)
  await expect(withLock(path, () => 1, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'ERR_FILE_LOCKED' })
  child.kill('SIGKILL')
  await exitOf(child)
  expect(existsSync(`${path}.lock`)).toBe(true)
  const lock = acquireLock(path)
  expect(locks(path)).toEqual(['data.json.lock'])
  lock.release()
})

test('a process id that now belongs to another process does not keep the lock', () => {
  const path = target()
  const lock = acquireLock(path)
  const holder = JSON.parse(readFileSync(`${path}.lock`, 'utf8'))
  lock.release()
  writeFileSync(`${path}.lock`, JSON.stringify({ ...holder, token: 'a'.repeat(24), start: '1' }))
  acquireLock(path).release()
})

test('a chain of dead claimants is followed to its end and cleared away', () => {
  const path = target()
  const dead = (token: string) => JSON.stringify({ pid: 2 ** 30, start: '', space: spaceOf(path), token })
  writeFileSync(`${path}.lock`, dead('a'.repeat(24)))
  writeFileSync(`${path}.lock.${'a'.repeat(24)}`, dead('b'.repeat(24)))
  writeFileSync(`${path}.lock.${'c'.repeat(24)}.new`, dead('c'.repeat(24)))
  writeFileSync(`${path}.lock.notes`, 'of the user')
  const lock = acquireLock(path)
  expect(locks(path)).toEqual(['data.json.lock', 'data.json.lock.notes'])
  expect(() => acquireLock(path)).toThrow(/in use/)
  lock.release()
})

const spaceOf = (path: string): string => {
  const lock = acquireLock(path)
  const { space } = JSON.parse(readFileSync(`${path}.lock`, 'utf8'))
  lock.release()
  return space
}

test('a live claimant at the end of a chain is respected', () => {
  const path = target()
  const lock = acquireLock(path)
  const mine = JSON.parse(readFileSync(`${path}.lock`, 'utf8'))
  lock.release()
  const token = 'a'.repeat(24)
  writeFileSync(`${path}.lock`, JSON.stringify({ ...mine, pid: 2 ** 30, token }))
  writeFileSync(`${path}.lock.${token}`, JSON.stringify(mine))
  expect(() => acquireLock(path)).toThrow(`in use by process ${process.pid}`)
})

test('what a power failure left of a lock does not keep it', () => {
  for (const left of ['', '\0\0\0\0', '{"pid":1', 'null', '[]', '{"pid":"1"}']) {
    const path = target()
    writeFileSync(`${path}.lock`, left)
    acquireLock(path).release()
    expect(locks(path)).toEqual([])
  }
})

test('a holder on another host counts by its heartbeat', () => {
  const path = target()
  writeFileSync(
    `${path}.lock`,
    JSON.stringify({ pid: 1, start: '5', space: 'elsewhere boot ns', token: 'a'.repeat(24) }),
  )
  expect(() => acquireLock(path)).toThrow('in use by process 1 on host "elsewhere"')
  const longAgo = new Date(Date.now() - 60_000)
  utimesSync(`${path}.lock`, longAgo, longAgo)
  acquireLock(path).release()
})

test('withLock lets one caller of this process in at a time, in order, and outlives a failing one', async () => {
  const path = target()
  const order: number[] = []
  let inside = 0
  const results = await Promise.allSettled(
    [0, 1, 2, 3, 4].map((n) =>
      withLock(path, async () => {
        expect(++inside).toBe(1)
        order.push(n)
        await new Promise((resolve) => setImmediate(resolve))
        inside--
        if (n === 2) throw new Error('boom')
        return n
      }),
    ),
  )
  expect(order).toEqual([0, 1, 2, 3, 4])
  expect(results.map((result) => result.status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ])
  expect(locks(path)).toEqual([])
})

test('processes that are killed and processes that take over never lose an update', async () => {
  const path = target()
  writeFileSync(path, '0')
  const body = (rounds: number, dies: boolean) => `
    const path = ${JSON.stringify(path)}
    for (let i = 0; i < ${rounds}; i++) {
      await files.withLock(path, async () => {
        const n = Number(readFileSync(path, 'utf8'))
        await new Promise((resolve) => setTimeout(resolve, 1))
        files.writeFileAtomicSync(path, String(n + 1))
        if (${dies} && i === ${rounds - 1}) process.kill(process.pid, 'SIGKILL')
      }, { timeoutMs: 30000 })
    }`
  const workers = [
    startChild(body(12, false)),
    startChild(body(12, false)),
    startChild(body(3, true)),
    startChild(body(5, true)),
  ]
  expect(await Promise.all(workers.map(exitOf))).toEqual([0, 0, 'SIGKILL', 'SIGKILL'])
  expect(readFileSync(path, 'utf8')).toBe('32')
})
