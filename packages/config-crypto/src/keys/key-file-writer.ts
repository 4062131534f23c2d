import { withLock, writeFileAtomicSync } from '@portcullis-internal/files'
import { ConfigError, fromFileError } from '../errors.ts'
import { sweepTemporaries } from '../files/temporaries.ts'
import { placeOf, readKeyFile, refuseOpenFolder } from './key-file.ts'
import { generateKey, linesOf, maxLines, parseKeyText, type SealingKey } from './key-text.ts'

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
  if (readKeyFile(path) !== text) {
    throw new ConfigError('ERR_CONFIG_WRITE', `${placeOf(path)} does not hold what was written`)
  }
}

/** Makes the key where there is none. */
export const createKeyFile = (path: string): Promise<void> => {
  refuseOpenFolder(path)
  return changing(path, () => {
    const text = readKeyFile(path)
    if (text === undefined) writeKeys(path, [generateKey()])
  })
}

/** Puts a new key before those of a key file, which stay: whatever they open still opens. Durable and read again when it returns. */
export const prependKey = async (path: string): Promise<SealingKey> => {
  let made: SealingKey | undefined
  await changing(path, () => {
    const lines = linesOf(readKeyFile(path) ?? '').filter((line) => line !== '')
    if (lines.length >= maxLines) {
      const message = `${placeOf(path)} holds ${lines.length} keys, and no more are read: finish the rotations before this one first`
      throw new ConfigError('ERR_CONFIG_KEY', message)
    }
    writeKeys(path, [generateKey(), ...lines])
    const [first] = parseKeyText(readKeyFile(path) ?? '', placeOf(path))
    if (first?.kind === 'sealing') made = first
  })
  if (made) return made
  throw new ConfigError('ERR_CONFIG_KEY', `${placeOf(path)} does not hold a key of ours`)
}

/** Removes the keys of a key file but those that are named; the newest always stays. Returns the kids of those removed. */
export const keepKeys = async (path: string, kids: ReadonlySet<string>): Promise<readonly string[]> => {
  const removed: string[] = []
  await changing(path, () => {
    const lines = linesOf(readKeyFile(path) ?? '')
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
