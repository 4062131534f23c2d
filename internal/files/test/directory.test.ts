import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { prepareDirectory } from '../src/directory.ts'

let base: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'portcullis-directory-'))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

test('makes it for its owner alone, with everything it will hold kept out of git, itself too', () => {
  const path = join(base, 'a', 'b')
  prepareDirectory(path)
  expect(statSync(path).mode & 0o777).toBe(0o700)
  for (const name of ['.gitignore', 'api_keys.json', 'first-key.header', '*.key', 'audit/']) {
    expect(readFileSync(join(path, '.gitignore'), 'utf8').split('\n')).toContain(name)
  }
})

test('leaves what is there as it is', () => {
  const path = join(base, 'mine')
  mkdirSync(path, { mode: 0o755 })
  writeFileSync(join(path, '.gitignore'), 'mine\n')
  prepareDirectory(path)
  expect(statSync(path).mode & 0o777).toBe(0o755)
  expect(readFileSync(join(path, '.gitignore'), 'utf8')).toBe('mine\n')
})

test('refuses one that others can write to, and what is no directory', () => {
  const open = join(base, 'open')
  mkdirSync(open)
  chmodSync(open, 0o777)
  expect(() => prepareDirectory(open)).toThrow(expect.objectContaining({ code: 'ERR_FILE_UNSAFE' }))
  writeFileSync(join(base, 'file'), '')
  expect(() => prepareDirectory(join(base, 'file'))).toThrow(expect.objectContaining({ code: 'ERR_FILE_WRITE' }))
})
