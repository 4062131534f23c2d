import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { errnoOf, FileError, reasonOf } from './errors.ts'
import { assertSafeStat } from './safety.ts'

export interface ReadOptions {
  /** Key material: not readable by others, and the file itself not a symbolic link. */
  secret: boolean
  /** Refuses anything longer. Default 1,048,576. */
  maxBytes?: number
}

/** The text of a file together with the stat of the very descriptor it was read from. */
export interface TextAndStat {
  text: string
  stat: BigIntStats
}

const readDescriptor = (path: string, fd: number, options: ReadOptions): TextAndStat => {
  const stat = fstatSync(fd, { bigint: true })
  if (!stat.isFile()) throw new FileError('ERR_FILE_READ', `${JSON.stringify(path)} is not a regular file`)
  assertSafeStat(
    path,
    { uid: Number(stat.uid), mode: Number(stat.mode), isDirectory: () => false, isSymbolicLink: () => false },
    options.secret,
  )
  const maxBytes = options.maxBytes ?? 1_048_576
  const tooLarge = () => new FileError('ERR_FILE_TOO_LARGE', `${JSON.stringify(path)} is larger than ${maxBytes} bytes`)
  if (stat.size > BigInt(maxBytes)) throw tooLarge()
  // One byte more than the stat says, so that a file that grows meanwhile is read to its end or refused.
  let buffer = Buffer.allocUnsafe(Number(stat.size) + 1)
  let length = 0
  for (;;) {
    const read = readSync(fd, buffer, length, buffer.length - length, null)
    length += read
    if (length > maxBytes) throw tooLarge()
    if (read === 0) break
    if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(buffer.length)])
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length)), stat }
  } catch (cause) {
    throw new FileError('ERR_FILE_ENCODING', `${JSON.stringify(path)} is not UTF-8 text`, { cause })
  }
}

export const readTextAndStat = (path: string, options: ReadOptions): TextAndStat => {
  let fd: number | undefined
  try {
    // O_NONBLOCK: opening a FIFO put in the file's place must not hang.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | (options.secret ? constants.O_NOFOLLOW : 0))
    return readDescriptor(path, fd, options)
  } catch (error) {
    if (error instanceof FileError) throw error
    const named = JSON.stringify(path)
    switch (errnoOf(error)) {
      case 'ENOENT':
        throw new FileError('ERR_FILE_ABSENT', `${named} does not exist`, { cause: error })
      case 'ELOOP':
        throw new FileError('ERR_FILE_UNSAFE', `${named} is a symbolic link; put the file itself there`, {
          cause: error,
        })
      default:
        throw new FileError('ERR_FILE_READ', `${named} cannot be read: ${reasonOf(error)}`, { cause: error })
    }
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/**
 * Reads strict UTF-8 text from a file that passes `assertSafe`; opened first and judged by its descriptor, so nothing can be exchanged between.
 * @throws FileError `ERR_FILE_ABSENT`, `ERR_FILE_UNSAFE`, `ERR_FILE_TOO_LARGE`, `ERR_FILE_ENCODING`, `ERR_FILE_READ`
 */
export const readTextFile = (path: string, options: ReadOptions): string => readTextAndStat(path, options).text
