import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errnoOf, FileError, reasonOf } from './errors.ts'

/** Makes names in a directory durable; file systems that cannot do it have nothing to make durable. */
export const fsyncDirectory = (directory: string): void => {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'EISDIR', 'ENOTSUP'].includes(errnoOf(error) ?? '')) throw error
  } finally {
    closeSync(fd)
  }
}

const existingFile = (path: string): Stats | undefined => {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat?.isDirectory()) throw new FileError('ERR_FILE_WRITE', `${JSON.stringify(path)} is a directory`)
  // A symbolic link is replaced by the file and never followed; its own mode means nothing.
  return stat?.isFile() ? stat : undefined
}

const adopt = (fd: number, existing: Stats | undefined, mode: number): void => {
  if (existing && (existing.uid !== process.getuid?.() || existing.gid !== process.getgid?.())) {
    try {
      fchownSync(fd, existing.uid, existing.gid)
    } catch (error) {
      if (errnoOf(error) !== 'EPERM') throw error
    }
  }
  // A file that was left behind, open to others, must not open to them what is written now; its owner keeps what was asked for.
  fchmodSync(fd, existing ? mode & (existing.mode | 0o700) : mode)
}

/**
 * Replaces a file as a whole: after a crash at any moment either the old content is there or the new, never a mixture.
 * Keeps the owner of an existing file, and of `mode` (default 0o600) what that file gave its group and others: never more than either says.
 * @throws FileError `ERR_FILE_WRITE`; nothing is left behind then
 */
export const writeFileAtomicSync = (path: string, data: string | Uint8Array, options: { mode?: number } = {}): void => {
  const directory = dirname(path)
  const temporary = join(directory, `.${basename(path)}.${randomBytes(9).toString('hex')}.tmp`)
  let fd: number | undefined
  try {
    const existing = existingFile(path)
    fd = openSync(temporary, 'wx', 0o600)
    try {
      writeFileSync(fd, data)
      adopt(fd, existing, options.mode ?? 0o600)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, path)
    fsyncDirectory(directory)
  } catch (error) {
    if (fd !== undefined) rmSync(temporary, { force: true })
    if (error instanceof FileError) throw error
    throw new FileError('ERR_FILE_WRITE', `${JSON.stringify(path)} cannot be written: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}
