import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
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
import { shellQuote } from './safety.ts'

type Owner = Pick<Stats, 'uid' | 'gid'>

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

const refusal = (path: string, existing: Owner, made: Owner, cause?: unknown): FileError => {
  const name = JSON.stringify(path)
  const quoted = shellQuote(path.startsWith('-') ? `./${path}` : path)
  const why = cause === undefined ? '' : ` (${reasonOf(cause)})`
  const message =
    existing.uid === made.uid
      ? `${name} belongs to group ${existing.gid}, and this process cannot give that group a file${why}; to mend it: run this as a member of group ${existing.gid}, or chgrp ${made.gid} ${quoted}`
      : `${name} belongs to user ${existing.uid}, and user ${made.uid} cannot give that user a file${why}; to mend it: run this as user ${existing.uid}, or chown ${made.uid}:${made.gid} ${quoted}`
  return new FileError('ERR_FILE_WRITE', message, { cause })
}

const keepOwner = (path: string, fd: number, existing: Stats): void => {
  // What the new file got, not what this process is: folders hand their group down, and servers of network mounts choose the user.
  const made = fstatSync(fd)
  const kept = (stat: Stats): boolean => stat.uid === existing.uid && stat.gid === existing.gid
  if (kept(made)) return
  try {
    fchownSync(fd, existing.uid, existing.gid)
  } catch (error) {
    throw refusal(path, existing, made, error)
  }
  // Some file systems take the call and do nothing.
  if (!kept(fstatSync(fd))) throw refusal(path, existing, made)
}

/** A file that was left behind, open to others, must not open to them what is written now; its owner keeps what was asked for. */
const narrowed = (mode: number, existing: Stats | undefined): number =>
  existing ? mode & (existing.mode | 0o700) : mode

/**
 * Replaces a file as a whole: after a crash at any moment either the old content is there or the new, never a mixture.
 * Keeps the owner and the group of an existing file or refuses, and of `mode` (default 0o600) what that file gave its group and others: never more than
 * either says. Access lists and other extended attributes are not kept.
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
      // Before the content: what is refused was never on the disk.
      if (existing) keepOwner(path, fd, existing)
      writeFileSync(fd, data)
      fchmodSync(fd, narrowed(options.mode ?? 0o600, existing))
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
