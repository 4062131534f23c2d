import { closeSync, readSync } from 'node:fs'
import { errnoOf, reasonOf } from '@portcullis-internal/files'
import { ConfigError } from '../errors.ts'
import { type Steps, step } from '../steps.ts'
import { maxKeyBytes } from './key-file.ts'
import type { TextHolder } from './holder.ts'
import { readOnce } from './once.ts'

const readAll = (fd: number): Buffer => {
  const buffer = Buffer.alloc(maxKeyBytes + 1)
  let length = 0
  while (length < buffer.length) {
    try {
      const read = readSync(fd, buffer, length, buffer.length - length, null)
      if (read === 0) break
      length += read
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error
      // A pipe that does not block and whose writer has not come yet.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
  return buffer.subarray(0, length)
}

const take = (fd: number): string | undefined => {
  let bytes: Buffer
  try {
    bytes = readAll(fd)
    // Nothing else in this process, and none of its children, has a use for it.
    if (fd > 2) closeSync(fd)
  } catch (error) {
    // Never open, or read and closed before.
    if (errnoOf(error) === 'EBADF') return undefined
    throw new ConfigError('ERR_CONFIG_READ', `file descriptor ${fd} cannot be read: ${reasonOf(error)}`, {
      cause: error,
    })
  }
  if (bytes.length > maxKeyBytes) throw new ConfigError('ERR_CONFIG_KEY', `file descriptor ${fd} holds no key`)
  const text = bytes.toString('utf8')
  bytes.fill(0)
  return text === '' ? undefined : text
}

// A number that was closed may be another file by now.
const taken = new Set<number>()

const takeOnce = (fd: number): string | undefined => {
  if (taken.has(fd)) return undefined
  taken.add(fd)
  return take(fd)
}

/** What is written to an open file descriptor, up to its end; read once in a process. */
export const fdText = (fd: number): TextHolder => {
  const read = (): string | undefined => readOnce(`fd:${fd}`, () => takeOnce(fd))
  return {
    kind: 'text',
    place: `file descriptor ${fd}`,
    quiet: true,
    read: (): Steps<string | undefined> => step({ sync: read, async: read }),
  }
}
