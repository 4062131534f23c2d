import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createConfig, keys, openConfigSync } from '../src/index.ts'
import { failsWith, freshFolder, put } from './scratch.ts'

const sources = [keys.raw(randomBytes(32))] as const
const fresh = async () => {
  const path = join(freshFolder(), 'app.json')
  const config = await createConfig(path, { keys: sources })
  await config.set('a', 1)
  return { path, writer: config, watched: openConfigSync(path, { keys: sources }) }
}
type Watched = Awaited<ReturnType<typeof fresh>>['watched']
const next = async (events: ReturnType<Watched['watch']>) => (await events.next()).value

test('a change is seen, is in force when it is told, and names what changed', { timeout: 30_000 }, async () => {
  const { writer, watched } = await fresh()
  const events = watched.watch()
  await writer.update((draft) => {
    draft.set('/b/c', 2)
    draft.delete('a')
  })
  expect(await next(events)).toEqual({ kind: 'changed', rev: 3, pointers: ['/a', '/b/c'] })
  expect([watched.get('/b/c'), watched.has('a'), watched.rev]).toEqual([2, false, 3])
  await writer.rotateKey({ to: keys.raw(randomBytes(32)) })
  expect(await next(events)).toEqual({ kind: 'changed', rev: 4, pointers: [] })
  await events.return?.()
  expect((await events.next()).done).toBe(true)
})

test('what changed before the watch began is told too', { timeout: 30_000 }, async () => {
  const { writer, watched } = await fresh()
  await writer.set('a', 2)
  expect(await next(watched.watch())).toEqual({ kind: 'changed', rev: 3, pointers: ['/a'] })
  watched.dispose()
})

test('a bad, absent or older file is told and keeps the last good one in use; the next good one is taken', {
  timeout: 30_000,
}, async () => {
  const { path, writer, watched } = await fresh()
  const older = readFileSync(path, 'utf8')
  await writer.set('a', 2)
  watched.reloadSync()
  const good = readFileSync(path, 'utf8')
  const events = watched.watch({ pollMs: 20 })
  for (const [content, code] of [
    [good.slice(0, -5), 'ERR_CONFIG_MALFORMED'],
    [good.replace('"rev": 3', '"rev": 4'), 'ERR_CONFIG_INTEGRITY'],
    [older, 'ERR_CONFIG_ROLLBACK'],
  ] as const) {
    // As a whole: a file that is being written is bad too.
    renameSync(put(`${path}.new`, content), path)
    expect(await next(events)).toMatchObject({ kind: 'failed', error: failsWith(code) })
    expect(watched.get('a')).toBe(2)
  }
  rmSync(path)
  expect(await next(events)).toMatchObject({ kind: 'failed', error: failsWith('ERR_CONFIG_ABSENT') })
  renameSync(put(`${path}.new`, good), path)
  await writer.set('a', 3)
  let event = await next(events)
  while (event?.kind === 'failed') event = await next(events)
  expect(event).toMatchObject({ kind: 'changed', rev: 4 })
  expect(watched.get('a')).toBe(3)
  watched.dispose()
  expect((await events.next()).done).toBe(true)
})

test('links that are exchanged, as Kubernetes mounts files, are seen', { timeout: 30_000 }, async () => {
  const { path, writer } = await fresh()
  const mount = freshFolder()
  const version = (name: string): void => {
    mkdirSync(join(mount, name))
    put(join(mount, name, 'app.json'), readFileSync(path, 'utf8'))
  }
  version('v1')
  symlinkSync('v1', join(mount, '..data'))
  symlinkSync('..data/app.json', join(mount, 'app.json'))
  const watched = openConfigSync(join(mount, 'app.json'), { keys: sources })
  const events = watched.watch()
  await writer.set('a', 2)
  version('v2')
  symlinkSync('v2', join(mount, '..new'))
  renameSync(join(mount, '..new'), join(mount, '..data'))
  expect(await next(events)).toMatchObject({ kind: 'changed', rev: 3 })
  expect(watched.get('a')).toBe(2)
  watched.dispose()
})

test('it ends with its signal, with the loop, and keeps no process alive; options are checked', async () => {
  const { path, writer, watched } = await fresh()
  const abort = new AbortController()
  const ended = (async () => {
    for await (const _ of watched.watch({ signal: abort.signal })) throw new Error('nothing changed')
  })()
  abort.abort()
  await ended
  for await (const _ of watched.watch({ signal: AbortSignal.abort() })) throw new Error('it was aborted')
  await writer.set('a', 5)
  for await (const event of watched.watch()) {
    expect(event.kind).toBe('changed')
    break
  }
  for (const options of [{ pollMs: 1 }, { pollMs: 1.5 }, { poll: 100 }, { pollMs: 1e9 }]) {
    expect(() => watched.watch(options as never)).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  }
  writeFileSync(path, 'x')
  expect(watched.get('a')).toBe(5)
})
