import { execFileSync } from 'node:child_process'
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readTextFile } from '../src/index.ts'
import { freshDirectory } from './children.ts'

const secret = { secret: true }
const put = (data: string | Uint8Array, mode = 0o600) => {
  const path = join(freshDirectory(), 'f')
  writeFileSync(path, data)
  chmodSync(path, mode)
  return path
}
const code = (expected: string) => expect.objectContaining({ name: 'FileError', code: expected })

test('reads what is there, also when the stat says nothing about the length', () => {
  expect(readTextFile(put('grüß'), secret)).toBe('grüß')
  expect(readTextFile(put(''), secret)).toBe('')
  expect(readTextFile('/proc/self/status', { secret: false })).toContain('VmPeak')
})

test('refuses what others can read or write, links, FIFOs, directories and absent files', () => {
  expect(() => readTextFile(put('x', 0o644), secret)).toThrow(code('ERR_FILE_UNSAFE'))
  expect(() => readTextFile(put('x', 0o666), { secret: false })).toThrow(code('ERR_FILE_UNSAFE'))
  expect(readTextFile(put('x', 0o644), { secret: false })).toBe('x')
  const link = join(freshDirectory(), 'link')
  symlinkSync(put('x'), link)
  expect(() => readTextFile(link, secret)).toThrow(code('ERR_FILE_UNSAFE'))
  expect(readTextFile(link, { secret: false })).toBe('x')
  const fifo = join(freshDirectory(), 'fifo')
  execFileSync('sh', ['-c', 'mkfifo -m 600 "$0"', fifo])
  expect(() => readTextFile(fifo, secret)).toThrow(/not a regular file/)
  expect(() => readTextFile(freshDirectory(), secret)).toThrow(code('ERR_FILE_READ'))
  expect(() => readTextFile(`${fifo}.none`, secret)).toThrow(code('ERR_FILE_ABSENT'))
})

test('refuses more than maxBytes and text that is not UTF-8', () => {
  expect(readTextFile(put('12345'), { ...secret, maxBytes: 5 })).toBe('12345')
  expect(() => readTextFile(put('123456'), { ...secret, maxBytes: 5 })).toThrow(code('ERR_FILE_TOO_LARGE'))
  expect(() => readTextFile('/proc/self/status', { secret: false, maxBytes: 10 })).toThrow(code('ERR_FILE_TOO_LARGE'))
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
    expect(() => readTextFile(put(new Uint8Array(bytes)), secret)).toThrow(code('ERR_FILE_ENCODING'))
  }
})
