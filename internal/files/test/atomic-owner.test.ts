import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, type TestContext, vi } from 'vitest'
import { exitOf, firstLine, startChild } from './children.ts'

vi.setConfig({ testTimeout: 60_000 })

const nobody = 65_534
const [someone, someGroup] = [12_345, 23_456]

// Reached by every user, so not in the folder of the other tests.
let folder: string
beforeEach((context) => {
  onlyAsRoot(context)
  folder = mkdtempSync(join(tmpdir(), 'portcullis-owner-'))
  chownSync(folder, nobody, nobody)
  chmodSync(folder, 0o755)
})
afterEach(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

const onlyAsRoot = (context: TestContext): void => {
  if (process.getuid?.() === 0) return
  const note = 'only root can start a process as another user'
  console.warn(`NOT TESTED: "${context.task.name}": ${note}`)
  context.skip(note)
}

const fileOf = (uid: number, gid: number, mode = 0o644): string => {
  const path = join(folder, 'f')
  writeFileSync(path, 'old')
  chownSync(path, uid, gid)
  chmodSync(path, mode)
  return path
}
const state = (path: string) => {
  const { uid, gid, mode } = statSync(path)
  return { uid, gid, mode: mode & 0o7777, text: readFileSync(path, 'utf8'), beside: readdirSync(folder) }
}

/** Writes `new` to the file in a process of that user; says what came of it: `written`, or the code and the message. */
const writeAs = async (
  path: string,
  as: { uid: number; gid: number; groups?: number[] },
  before = '',
): Promise<string> => {
  const child = startChild(`
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    process.setgroups(${JSON.stringify(as.groups ?? [])})
    process.setgid(${as.gid})
    process.setuid(${as.uid})
    ${before}
    syncBuiltinESMExports()
    try { files.writeFileAtomicSync(${JSON.stringify(path)}, 'new', { mode: 0o644 }); print('written') }
    catch (error) { print(error.code + ' ' + error.message) }`)
  const line = await firstLine(child)
  expect(await exitOf(child)).toBe(0)
  return line
}
const asNobody = { uid: nobody, gid: nobody }
const asRoot = { uid: 0, gid: 0 }

test('the file of another user is not taken over: the owner is named, with what mends it, and everything is as it was', async () => {
  for (const uid of [someone, 0]) {
    const path = fileOf(uid, someGroup)
    const before = state(path)
    const said = await writeAs(path, asNobody)
    expect(said).toBe(
      `ERR_FILE_WRITE ${JSON.stringify(path)} belongs to user ${uid}, and user ${nobody} cannot give that user a file (EPERM); to mend it: run this as user ${uid}, or chown ${nobody}:${nobody} ${path}`,
    )
    expect(state(path)).toEqual(before)
    execFileSync('sh', ['-c', said.slice(said.indexOf('chown '))])
    expect(await writeAs(path, asNobody)).toBe('written')
    expect(state(path)).toMatchObject({ uid: nobody, gid: nobody, text: 'new' })
  }
})

test('a group that the process is not in is not lost; one that it is in is kept', async () => {
  const path = fileOf(nobody, someGroup, 0o640)
  const before = state(path)
  const said = await writeAs(path, asNobody)
  expect(said).toBe(
    `ERR_FILE_WRITE ${JSON.stringify(path)} belongs to group ${someGroup}, and this process cannot give that group a file (EPERM); to mend it: run this as a member of group ${someGroup}, or chgrp ${nobody} ${path}`,
  )
  expect(state(path)).toEqual(before)
  expect(await writeAs(path, { ...asNobody, groups: [someGroup] })).toBe('written')
  expect(state(path)).toEqual({ ...before, text: 'new' })
  execFileSync('sh', ['-c', said.slice(said.indexOf('chgrp '))])
  expect(await writeAs(path, asNobody)).toBe('written')
  expect(state(path)).toEqual({ ...before, gid: nobody, text: 'new' })
})

test('root keeps what belongs to others', async () => {
  const path = fileOf(someone, someGroup, 0o640)
  const before = state(path)
  expect(await writeAs(path, asRoot)).toBe('written')
  expect(state(path)).toEqual({ ...before, text: 'new' })
})

test('a folder that hands its group down does not hand it to a file of another', async () => {
  const path = fileOf(nobody, nobody)
  chownSync(folder, nobody, someGroup)
  chmodSync(folder, 0o2755)
  expect(await writeAs(path, asNobody)).toBe('written')
  expect(state(path)).toMatchObject({ gid: nobody, text: 'new' })
  const handed = join(folder, 'handed')
  writeFileSync(handed, 'old')
  chownSync(handed, nobody, someGroup)
  // Nothing need be given: the new file has the group of the folder, though the process is not in it.
  expect(await writeAs(handed, asNobody)).toBe('written')
  expect(statSync(handed).gid).toBe(someGroup)
})

test('a file system that takes the call and does nothing is refused, and the content was not written', async () => {
  const path = fileOf(someone, someGroup)
  const before = state(path)
  const wrote = join(folder, 'wrote')
  const said = await writeAs(
    path,
    asRoot,
    `const write = fs.writeFileSync
    fs.fchownSync = () => {}
    fs.writeFileSync = (...args) => { write(${JSON.stringify(wrote)}, 'x'); return write(...args) }`,
  )
  expect(said).toMatch(/^ERR_FILE_WRITE .* belongs to user 12345, and user 0 cannot give that user a file; to mend it/)
  expect(state(path)).toEqual(before)
})
