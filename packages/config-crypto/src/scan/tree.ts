import { closeSync, constants, openSync, readdirSync, readSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { reasonOf } from '@portcullis-internal/files'
import { ConfigError, optionsError, refuseUnknown } from '../errors.ts'
import { createFinder, type Finder } from '../redact/finder.ts'
import { type Readable, sensitiveTexts } from '../redact/sensitive.ts'
import { type Leak, searchIn } from './search.ts'

export interface ScanOptions {
  /** Names of folders and files that are passed over; default `.git` and `node_modules`. */
  readonly ignore?: readonly string[]
  /** Shorter texts are not looked for: 4 to 64 bytes, default 6. */
  readonly minLength?: number
}

/** What a search found and could not do. */
export interface ScanReport {
  readonly leaks: readonly Leak[]
  /** How many files were searched. */
  readonly files: number
  /** JSON Pointers of secrets that are too short to be looked for. */
  readonly tooShort: readonly string[]
  /** Files that could not be read, which may hold anything. */
  readonly unreadable: readonly string[]
}

const chunkBytes = 1_048_576

/** Regular files below a folder, links not followed; with `/`, ordered by name. */
function* filesBelow(folder: string, ignore: ReadonlySet<string>, below = ''): Generator<string> {
  const entries = readdirSync(join(folder, below), { withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (ignore.has(entry.name)) continue
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) yield* filesBelow(folder, ignore, path)
    else if (entry.isFile()) yield path
  }
}

const searchFile = (finder: Finder, folder: string, file: string, buffer: Buffer): readonly Leak[] => {
  const fd = openSync(join(folder, file), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const search = searchIn(finder, file)
    for (let size = readSync(fd, buffer); size > 0; size = readSync(fd, buffer)) search.push(buffer.subarray(0, size))
    return search.end()
  } finally {
    closeSync(fd)
  }
}

export const finderOf = (config: Readable, minLength: number | undefined): Finder =>
  createFinder(sensitiveTexts(config), minLength)

/**
 * Searches all files below a folder for the sealed values of a configuration, in all the forms that the redactor knows.
 * @throws ConfigError `ERR_CONFIG_READ` for a folder that cannot be read, `ERR_CONFIG_OPTIONS`
 */
export const scanTree = (config: Readable, folder: string, options: ScanOptions = {}): ScanReport => {
  refuseUnknown('scanTree', options, ['ignore', 'minLength'])
  const { ignore = ['.git', 'node_modules'], minLength } = options
  if (!Array.isArray(ignore)) throw optionsError('ignore must be a list of names')
  const finder = finderOf(config, minLength)
  const buffer = Buffer.allocUnsafe(chunkBytes)
  const leaks: Leak[] = []
  const unreadable: string[] = []
  let files = 0
  const root = resolve(folder)
  try {
    for (const file of filesBelow(root, new Set(ignore))) {
      files++
      try {
        leaks.push(...searchFile(finder, root, file, buffer))
      } catch {
        unreadable.push(file)
      }
    }
  } catch (cause) {
    throw new ConfigError('ERR_CONFIG_READ', `${JSON.stringify(root)} cannot be searched: ${reasonOf(cause)}`, {
      cause,
    })
  }
  return { leaks, files, tooShort: finder.tooShort, unreadable }
}
