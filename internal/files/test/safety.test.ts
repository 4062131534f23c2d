import { execFileSync } from 'node:child_process'
import { chmodSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { assertSafe, assertSafeStat, FileError } from '../src/index.ts'
import { freshDirectory } from './children.ts'

const stat = (uid: number, mode: number, kind: 'file' | 'directory' | 'link' = 'file') => ({
  uid,
  mode,
  isDirectory: () => kind === 'directory',
  isSymbolicLink: () => kind === 'link',
})
const judge = (secret: boolean, ...of: Parameters<typeof stat>) => {
  try {
    assertSafeStat('/etc/f', stat(...of), secret, 1000)
    return 'safe'
  } catch (error) {
    return error instanceof FileError ? error.message : String(error)
  }
}

test('files of the current user and of root are safe, of others not', () => {
  expect(judge(true, 1000, 0o600)).toBe('safe')
  expect(judge(true, 0, 0o600)).toBe('safe')
  expect(judge(true, 1001, 0o600)).toBe(
    '"/etc/f" belongs to user 1001, not to user 1000 or root; to mend it: chown 1000 /etc/f && chmod 600 /etc/f',
  )
})

test('writable by others is never safe; readable by others only when it is no secret', () => {
  for (const mode of [0o620, 0o602, 0o666]) {
    expect(judge(false, 1000, mode)).toBe('"/etc/f" can be written by other users; to mend it: chmod 600 /etc/f')
  }
  for (const mode of [0o640, 0o604, 0o644]) {
    expect(judge(false, 1000, mode)).toBe('safe')
    expect(judge(true, 1000, mode)).toBe('"/etc/f" can be read by other users; to mend it: chmod 600 /etc/f')
  }
  expect(judge(true, 1000, 0o755, 'directory')).toContain('chmod 700 /etc/f')
  expect(judge(true, 1000, 0o777, 'link')).toContain('is a symbolic link')
})

test('the chmod in the message mends the file when pasted into a shell, whatever the name', () => {
  for (const name of ['plain.json', "it's $(touch x) `y`", '-rf', 'a b\tc', 'ü']) {
    const path = join(freshDirectory(), name)
    writeFileSync(path, '')
    chmodSync(path, 0o644)
    expect(() => assertSafe(path, { secret: false })).not.toThrow()
    try {
      assertSafe(path, { secret: true })
      expect.unreachable()
    } catch (error) {
      const { message } = error as FileError
      execFileSync('sh', ['-c', message.slice(message.indexOf('chmod 600'))])
    }
    expect(statSync(path).mode & 0o777).toBe(0o600)
    assertSafe(path, { secret: true })
  }
  expect(() => assertSafeStat('-rf', stat(1000, 0o666), true, 1000)).toThrow('chmod 600 ./-rf')
})

test('a secret behind a symbolic link is refused, other files are judged by what the link points at', () => {
  const directory = freshDirectory()
  writeFileSync(join(directory, 'real'), '', { mode: 0o600 })
  symlinkSync('real', join(directory, 'link'))
  expect(() => assertSafe(join(directory, 'link'), { secret: true })).toThrow(/symbolic link/)
  assertSafe(join(directory, 'link'), { secret: false })
  expect(() => assertSafe(join(directory, 'none'), { secret: true })).toThrow(
    expect.objectContaining({ code: 'ERR_FILE_ABSENT' }),
  )
  expect(() => assertSafe(join(directory, 'real', 'x'), { secret: true })).toThrow(
    expect.objectContaining({ code: 'ERR_FILE_READ' }),
  )
})
