import { type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  FileError,
  readTextFile,
  reasonOf,
  shellQuote,
  withLock,
  writeFileAtomicSync,
} from '@portcullis-internal/files'
import { ConfigError, fromFileError } from '../errors.ts'
import { sweepTemporaries } from '../files/temporaries.ts'
import { type Steps, step } from '../steps.ts'
import type { TextHolder } from './holder.ts'
import { generateKey, linesOf, parseKeyText, type SealingKey } from './key-text.ts'

export const maxKeyBytes = 4096

const placeOf = (path: string): string => `key file ${JSON.stringify(path)}`

/** Who can rename files in a folder can put another key in the place of this one. */
const refuseOpenFolder = (path: string): void => {
  const folder = dirname(path)
  let stat: Stats | undefined
  try {
    stat = statSync(folder, { throwIfNoEntry: false })
  } catch (cause) {
    throw new ConfigError('ERR_CONFIG_READ', `${placeOf(path)} cannot be reached: ${reasonOf(cause)}`, { cause })
  }
  if (!stat || process.getuid === undefined) return
  const sticky = (stat.mode & 0o1000) !== 0
  if ((stat.mode & 0o022) !== 0 && !sticky) {
    const fix = `chmod go-w ${shellQuote(folder)}`
    throw new ConfigError(
      'ERR_CONFIG_KEY',
      `other users can exchange files in ${JSON.stringify(folder)}, where a key is; to mend it: ${fix}`,
    )
  }
}

const readFile = (path: string): string | undefined => {
  refuseOpenFolder(path)
  try {
    return readTextFile(path, { secret: true, maxBytes: maxKeyBytes })
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return undefined
    throw fromFileError(error, 'key')
  }
}

/** Two programs may make or change the same key file at once. */
const changing = (path: string, change: () => void): Promise<void> =>
  withLock(path, change, { timeoutMs: 10_000 }).catch((error: unknown) => {
    throw fromFileError(error, 'key')
  })

const writeKeys = (path: string, lines: readonly string[]): void => {
  sweepTemporaries(path)
  const text = `${lines.join('\n')}\n`
  writeFileAtomicSync(path, text, { mode: 0o600 })
  // What a configuration will depend on is what is there, not what was meant to be.
  if (readFile(path) !== text) {
    throw new ConfigError('ERR_CONFIG_WRITE', `${placeOf(path)} does not hold what was written`)
  }
}

const createKey = (path: string): Promise<void> => {
  refuseOpenFolder(path)
  return changing(path, () => {
    const text = readFile(path)
    if (text === undefined) writeKeys(path, [generateKey()])
  })
}

export const fileText = (path: string): TextHolder => ({
  kind: 'text',
  place: placeOf(path),
  quiet: true,
  path,
  read: (): Steps<string | undefined> => step({ sync: () => readFile(path), async: () => readFile(path) }),
  create: () => createKey(path),
})

/** Puts a new key before those of a key file, which stay: whatever they open still opens. Durable and read again when it returns. */
export const prependKey = async (path: string): Promise<SealingKey> => {
  let made: SealingKey | undefined
  await changing(path, () => {
    const lines = linesOf(readFile(path) ?? '').filter((line) => line !== '')
    writeKeys(path, [generateKey(), ...lines])
    const [first] = parseKeyText(readFile(path) ?? '', placeOf(path))
    if (first?.kind === 'sealing') made = first
  })
  if (made) return made
  throw new ConfigError('ERR_CONFIG_KEY', `${placeOf(path)} does not hold a key of ours`)
}

/** Removes the keys of a key file but those that are named; the newest always stays. Returns the kids of those removed. */
export const keepKeys = async (path: string, kids: ReadonlySet<string>): Promise<readonly string[]> => {
  const removed: string[] = []
  await changing(path, () => {
    const lines = linesOf(readFile(path) ?? '')
    const parsed = parseKeyText(lines.join('\n'), placeOf(path))
    const kept = lines.filter((_, at) => {
      const key = parsed[at]
      if (at === 0 || key?.kind !== 'sealing' || kids.has(key.kid)) return true
      removed.push(key.kid)
      return false
    })
    if (removed.length > 0) writeKeys(path, kept)
  })
  return removed
}
