import { lstatSync, type Stats, statSync } from 'node:fs'
import { errnoOf, FileError, reasonOf } from './errors.ts'

/** What decides whether a file may be trusted: a subset of `fs.Stats`. */
export type OwnedStat = Pick<Stats, 'uid' | 'mode' | 'isDirectory' | 'isSymbolicLink'>

/** Quotes a word for a POSIX shell, so that a command in a message can be pasted as it stands. */
export const shellQuote = (text: string): string =>
  /^[A-Za-z0-9_./:@%+,=-]+$/.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", "'\\''")}'`

const unsafe = (path: string, what: string, fix: string): FileError =>
  new FileError('ERR_FILE_UNSAFE', `${JSON.stringify(path)} ${what}; to mend it: ${fix}`)

/**
 * Judges a stat already taken (of an open descriptor, so that nothing can change between the check and the use).
 * `uid` is that of the current user; `undefined` where the platform has none, and then nothing is judged.
 */
export const assertSafeStat = (path: string, stat: OwnedStat, secret: boolean, uid = process.getuid?.()): void => {
  if (uid === undefined) return
  const quoted = shellQuote(path.startsWith('-') ? `./${path}` : path)
  const chmod = `chmod ${stat.isDirectory() ? '700' : '600'} ${quoted}`
  if (secret && stat.isSymbolicLink()) {
    throw unsafe(path, 'is a symbolic link', `put the file itself there, then ${chmod}`)
  }
  if (stat.uid !== 0 && stat.uid !== uid) {
    throw unsafe(path, `belongs to user ${stat.uid}, not to user ${uid} or root`, `chown ${uid} ${quoted} && ${chmod}`)
  }
  if ((stat.mode & 0o022) !== 0) throw unsafe(path, 'can be written by other users', chmod)
  if (secret && (stat.mode & 0o044) !== 0) throw unsafe(path, 'can be read by other users', chmod)
}

/**
 * Refuses a file or directory that another user could have written or, when `secret`, could read.
 * @throws FileError `ERR_FILE_UNSAFE` with the `chmod` that mends it, `ERR_FILE_ABSENT`, `ERR_FILE_READ`
 */
export const assertSafe = (path: string, options: { secret: boolean }): void => {
  let stat: Stats
  try {
    stat = options.secret ? lstatSync(path) : statSync(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      throw new FileError('ERR_FILE_ABSENT', `${JSON.stringify(path)} does not exist`, { cause: error })
    }
    throw new FileError('ERR_FILE_READ', `${JSON.stringify(path)} cannot be examined: ${reasonOf(error)}`, {
      cause: error,
    })
  }
  assertSafeStat(path, stat, options.secret)
}
