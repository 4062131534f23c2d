import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync, type Stats } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { errnoOf, reasonOf, shellQuote } from '@portcullis-internal/files'
import { ConfigError } from '../errors.ts'
import { type Steps, step } from '../steps.ts'
import { maxKeyBytes } from './key-file.ts'
import type { TextHolder } from './holder.ts'

/*
 * Secrets that a runtime mounts: Kubernetes puts symbolic links in a sticky folder that everybody may write to, and files that everybody may read; Docker files that
 * everybody may read. Both belong to root, whose choice that is. What may not be is that somebody else than root or this user can exchange what the path leads to.
 */

const maxLinks = 40

const keyError = (message: string): ConfigError => new ConfigError('ERR_CONFIG_KEY', message)

const isTrusted = ({ uid }: Stats): boolean => uid === 0 || uid === process.getuid?.()

const assertFolder = (path: string, stat: Stats): void => {
  const sticky = (stat.mode & 0o1000) !== 0
  if (isTrusted(stat) && ((stat.mode & 0o022) === 0 || sticky)) return
  throw keyError(
    `other users can exchange files in ${JSON.stringify(path)}, on the way to a key; to mend it: chown 0 ${shellQuote(path)} && chmod go-w ${shellQuote(path)}`,
  )
}

/** Where a path leads, every folder and link on the way judged; `undefined` where it leads nowhere. */
const follow = (path: string): string | undefined => {
  let here = '/'
  let links = 0
  const segments = path.split('/').toReversed()
  while (segments.length > 0) {
    const segment = segments.pop() ?? ''
    if (segment === '' || segment === '.') continue
    const next = join(here, segment)
    const stat = lstatSync(next, { throwIfNoEntry: false })
    if (!stat) return undefined
    if (stat.isSymbolicLink()) {
      if (!isTrusted(stat)) throw keyError(`the link ${JSON.stringify(next)} on the way to a key is another user's`)
      if (++links > maxLinks) throw keyError(`too many links on the way to ${JSON.stringify(path)}`)
      const target = readlinkSync(next)
      if (isAbsolute(target)) here = '/'
      segments.push(...target.split('/').toReversed())
      continue
    }
    if (stat.isDirectory()) assertFolder(next, stat)
    here = next
  }
  return here
}

const assertFile = (path: string, stat: Stats): void => {
  if (!stat.isFile()) throw keyError(`${JSON.stringify(path)} is not a regular file`)
  if (!isTrusted(stat)) throw keyError(`${JSON.stringify(path)} belongs to user ${stat.uid}, not to this one or root`)
  if ((stat.mode & 0o022) !== 0) {
    throw keyError(`${JSON.stringify(path)} can be written by other users; to mend it: chmod go-w ${shellQuote(path)}`)
  }
  if (stat.uid !== 0 && (stat.mode & 0o044) !== 0) {
    throw keyError(`${JSON.stringify(path)} can be read by other users; to mend it: chmod 600 ${shellQuote(path)}`)
  }
}

const readFollowed = (path: string): string | undefined => {
  const real = follow(path)
  if (real === undefined) return undefined
  const fd = openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    assertFile(real, fstatSync(fd))
    const buffer = Buffer.alloc(maxKeyBytes + 1)
    const length = readSync(fd, buffer, 0, buffer.length, 0)
    if (length > maxKeyBytes) throw keyError(`${JSON.stringify(path)} holds no key`)
    const text = buffer.toString('utf8', 0, length)
    buffer.fill(0)
    return text
  } finally {
    closeSync(fd)
  }
}

const readMounted = (path: string): string | undefined => {
  try {
    return readFollowed(path)
  } catch (error) {
    if (error instanceof ConfigError) throw error
    if (errnoOf(error) === 'ENOENT') return undefined
    throw new ConfigError('ERR_CONFIG_READ', `${JSON.stringify(path)} cannot be read: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

/** @param pathOf the absolute path; `undefined` where there is none */
export const mountedText = (place: string, pathOf: () => string | undefined): TextHolder => {
  const read = (): string | undefined => {
    const path = pathOf()
    return path === undefined ? undefined : readMounted(path)
  }
  return {
    kind: 'text',
    place,
    quiet: true,
    read: (): Steps<string | undefined> => step({ sync: read, async: read }),
  }
}
