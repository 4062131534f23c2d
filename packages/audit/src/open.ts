import { closeSync, constants, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  acquireLock,
  assertSafeStat,
  errnoOf,
  FileError,
  type FileLock,
  fsyncDirectory,
  reasonOf,
} from '@portcullis-internal/files'
import { AuditError } from './errors.ts'
import { headerMembers, isTornHeader, readHeader } from './header.ts'
import { formatLine, maxLineBytes, noHash, parseLine } from './line.ts'
import type { AuditHead } from './types.ts'

export interface OpenLog {
  fd: number
  lock: FileLock
  /** Length of the file: everything up to here is whole records. */
  size: number
  head: AuditHead
  /** How many bytes of a torn last line were cut off. */
  recoveredBytes: number
}

const newline = 0x0a

const readAt = (fd: number, position: number, length: number): Buffer => {
  const buffer = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const read = readSync(fd, buffer, done, length - done, position + done)
    if (read === 0) break
    done += read
  }
  return buffer.subarray(0, done)
}

const broken = (file: string, why: string): AuditError =>
  new AuditError('ERR_AUDIT_BROKEN', `audit log ${JSON.stringify(file)} is not continued: ${why}`)

const checkHeader = (file: string, fd: number, size: number, keyed: boolean): void => {
  const start = readAt(fd, 0, Math.min(size, 4096))
  const end = start.indexOf(newline)
  const header = end < 0 ? undefined : readHeader(start.subarray(0, end))
  if (!header) throw broken(file, 'it does not begin with the header of an audit log')
  if (header.keyed !== keyed) {
    throw new AuditError(
      'ERR_AUDIT_KEY',
      `audit log ${JSON.stringify(file)} was begun ${header.keyed ? 'with' : 'without'} a key and is opened ${keyed ? 'with' : 'without'} one`,
    )
  }
}

/** The last whole line and where it ends. */
const lastLine = (file: string, fd: number, size: number): { line: Buffer; end: number } => {
  // A torn line and a whole one before it, each of the greatest length, are found in this window.
  const from = Math.max(0, size - 2 * (maxLineBytes + 1))
  const window = readAt(fd, from, size - from)
  const end = window.lastIndexOf(newline)
  if (end < 0) throw broken(file, 'its last line is longer than a record can be')
  const before = end === 0 ? -1 : window.lastIndexOf(newline, end - 1)
  if (before < 0 && from > 0) throw broken(file, 'its last record is longer than a record can be')
  return { line: window.subarray(before + 1, end), end: from + end + 1 }
}

/** Writes the header and, in the same write, that a file without content stood there: an emptied log must not pass for one that never was. */
const begin = (
  fd: number,
  key: Uint8Array | undefined,
  at: string,
  foundEmpty: boolean,
): { size: number; head: AuditHead } => {
  const header = formatLine(key, 0, at, headerMembers(key !== undefined), noHash)
  const found = foundEmpty ? formatLine(key, 1, at, '"type":"log.found_empty"', header.hash) : undefined
  const bytes = Buffer.from(header.line + (found?.line ?? ''))
  writeSync(fd, bytes)
  return { size: bytes.length, head: { sequence: found ? 1 : 0, hash: (found ?? header).hash } }
}

/** Opens the file, or makes it; says which. */
const openFile = (file: string): { fd: number; made: boolean } => {
  const { O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants
  const flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK
  try {
    return { fd: openSync(file, flags | O_CREAT | O_EXCL, 0o600), made: true }
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    return { fd: openSync(file, flags), made: false }
  }
}

const recover = (
  file: string,
  { fd, made }: { fd: number; made: boolean },
  key: Uint8Array | undefined,
  at: string,
): Omit<OpenLog, 'lock'> => {
  const stat = fstatSync(fd)
  if (!stat.isFile()) throw new AuditError('ERR_AUDIT_FILE', `${JSON.stringify(file)} is not a regular file`)
  assertSafeStat(file, stat, true)
  const { size } = stat
  if (isTornHeader(readAt(fd, 0, Math.min(size, 512)))) {
    ftruncateSync(fd, 0)
    const begun = begin(fd, key, at, size === 0 && !made)
    fsyncDirectory(dirname(file))
    return { fd, ...begun, recoveredBytes: size }
  }
  checkHeader(file, fd, size, key !== undefined)
  const { line, end } = lastLine(file, fd, size)
  const last = parseLine(key, line)
  if (typeof last === 'string') throw broken(file, `its last record is bad: ${last}`)
  if (end < size) ftruncateSync(fd, end)
  return { fd, size: end, head: { sequence: last.sequence, hash: last.hash }, recoveredBytes: size - end }
}

const lockOf = (file: string): FileLock => {
  try {
    return acquireLock(file)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    const code = error.code === 'ERR_FILE_LOCKED' ? 'ERR_AUDIT_LOCKED' : 'ERR_AUDIT_WRITE'
    throw new AuditError(code, `audit log: ${error.message}`, { cause: error })
  }
}

/** Locks the log and makes it ready for appending: a new one gets its header, a torn tail is cut off, the last record is checked. */
export const openLog = (file: string, key: Uint8Array | undefined, at: string): OpenLog => {
  let lock: FileLock | undefined
  let fd: number | undefined
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    lock = lockOf(file)
    const opened = openFile(file)
    fd = opened.fd
    return { lock, ...recover(file, opened, key, at) }
  } catch (error) {
    if (fd !== undefined) closeSync(fd)
    lock?.release()
    if (error instanceof AuditError) throw error
    if (error instanceof FileError) throw new AuditError('ERR_AUDIT_FILE', error.message, { cause: error })
    throw new AuditError('ERR_AUDIT_WRITE', `audit log ${JSON.stringify(file)} cannot be opened: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}
