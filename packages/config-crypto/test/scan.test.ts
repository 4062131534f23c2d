import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createConfig, keys } from '../src/index.ts'
import { scanStaged, scanTree } from '../src/scan.ts'
import { failsWith, freshFolder } from './scratch.ts'

const token = 'sk-test-0123456789'
const made = async () => {
  const config = await createConfig(join(freshFolder(), 'c.json'), { keys: [keys.raw(randomBytes(32))] })
  await config.update((draft) => {
    draft.set('token', token)
    draft.set('/db/all', { password: 'two\nlines of text, each of some length' })
    draft.set('pin', 'abc')
    draft.set('card', 4111111111111111)
    draft.set('host', 'plain.example', { sealed: false })
  })
  return config
}

test('real values are found with file, line and name, in every form; nothing that is told holds one', async () => {
  const config = await made()
  const folder = freshFolder()
  const put = (name: string, text: string | Buffer) => writeFileSync(join(folder, name), text)
  for (const below of ['src/deep', 'node_modules/x', '.git']) mkdirSync(join(folder, below), { recursive: true })
  put('a.txt', `one\ntwo ${token} ${token}\nthree ${token}\nplain.example abc`)
  put('src/deep/b.env', `X=${Buffer.from(`user:${token}`).toString('base64')}\n`)
  put('c.bin', Buffer.concat([randomBytes(3_000_000), Buffer.from('\n'), Buffer.from(token, 'utf16le')]))
  put('d.txt', 'x\ntwo\nlines of text, each of some length')
  put('e.txt', 'only lines of text, each of some length here')
  put('node_modules/x/f.txt', token)
  put('.git/g', token)
  put('h.txt', '\n{"card":4111111111111111}')
  symlinkSync('a.txt', join(folder, 'link'))
  const { leaks, files, tooShort, unreadable } = scanTree(config, folder)
  expect(leaks.map(({ file, line, pointer, form }) => [file, file === 'c.bin' ? 0 : line, pointer, form])).toEqual([
    ['a.txt', 2, '/token', 'raw'],
    ['a.txt', 3, '/token', 'raw'],
    ['c.bin', 0, '/token', 'utf16'],
    ['d.txt', 2, '/db/all/password', 'raw'],
    ['e.txt', 1, '/db/all/password', 'line'],
    ['h.txt', 2, '/card', 'raw'],
    ['src/deep/b.env', 1, '/token', 'base64'],
  ])
  expect([files, tooShort, unreadable]).toEqual([6, ['/pin'], []])
  expect(inspect(leaks)).not.toContain(token)
  expect(
    scanTree(config, folder, { ignore: ['src', 'a.txt', 'c.bin', 'd.txt', 'e.txt', 'h.txt'] }).leaks,
  ).toMatchObject([{ file: '.git/g' }, { file: 'node_modules/x/f.txt' }])
})

test('a value across two pieces of a large file is found in its line', async () => {
  const config = await made()
  const folder = freshFolder()
  for (let before = 1_048_576 - token.length; before <= 1_048_576; before += 3) {
    const lines = Buffer.alloc(before, 'x')
    for (let at = 99; at < before; at += 100) lines[at] = 0x0a
    writeFileSync(join(folder, 'large'), Buffer.concat([lines, Buffer.from(`${token}\nmore`)]))
    const [leak] = scanTree(config, folder).leaks
    expect(leak).toEqual({ file: 'large', line: Math.floor(before / 100) + 1, pointer: '/token', form: 'raw' })
  }
})

test('what is staged is searched as it would be committed, whatever lies in the folder', async () => {
  const config = await made()
  const folder = freshFolder()
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example', ...args], { cwd: folder, stdio: 'pipe' })
  git('init', '-q')
  writeFileSync(join(folder, 'old.txt'), token)
  writeFileSync(join(folder, 'was.txt'), 'clean')
  git('add', '.')
  git('commit', '-qm', 'x')
  expect((await scanStaged(config, folder)).leaks).toEqual([])
  mkdirSync(join(folder, 'sub dir'))
  writeFileSync(join(folder, 'sub dir/new é.txt'), `\n\n${token}`)
  writeFileSync(join(folder, 'was.txt'), `now ${token}`)
  git('add', '.')
  // What is staged counts, not what became of it.
  writeFileSync(join(folder, 'was.txt'), 'clean again')
  writeFileSync(join(folder, 'unstaged.txt'), token)
  const { leaks, files } = await scanStaged(config, join(folder, 'sub dir'))
  expect(leaks).toEqual([
    { file: 'sub dir/new é.txt', line: 3, pointer: '/token', form: 'raw' },
    { file: 'was.txt', line: 1, pointer: '/token', form: 'raw' },
  ])
  expect(files).toBe(2)
})

test('a staged name that git could take for a stage is searched itself', async () => {
  const folder = freshFolder()
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, stdio: 'pipe' })
  git('init', '-q')
  writeFileSync(join(folder, 'a.txt'), 'clean')
  writeFileSync(join(folder, '0:a.txt'), token)
  git('add', '.')
  const { leaks, unreadable } = await scanStaged(await made(), folder)
  expect(leaks).toEqual([{ file: '0:a.txt', line: 1, pointer: '/token', form: 'raw' }])
  expect(unreadable).toEqual([])
})

test('a folder that is none, and one without a repository, are errors and not a clean report', async () => {
  const config = await made()
  expect(() => scanTree(config, '/no/such/folder')).toThrow(failsWith('ERR_CONFIG_READ'))
  await expect(scanStaged(config, freshFolder())).rejects.toThrow(failsWith('ERR_CONFIG_READ'))
  expect(() => scanTree(config, '.', { ignored: [] } as never)).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  expect(() => scanTree(config, '.', { minLength: 1 })).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
})
