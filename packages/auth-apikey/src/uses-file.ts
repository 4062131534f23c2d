import { FileError, readTextFile, withLock, writeFileAtomicSync } from '@portcullis-internal/files'
import { isTime } from './checks.ts'

const MAX_BYTES = 16 * 1_048_576

const parse = (text: string): Map<string, number> => {
  const uses = new Map<string, number>()
  try {
    const json: unknown = JSON.parse(text)
    for (const [id, ms] of Object.entries((json as { uses?: object }).uses ?? {})) if (isTime(ms)) uses.set(id, ms)
  } catch {
    // Nothing depends on it: what cannot be read is written anew.
  }
  return uses
}

/** When the keys of a key file were last used, by id: in a file of its own beside it, so that using a key never touches the keys. */
export const readUses = (path: string): Map<string, number> => {
  try {
    return parse(readTextFile(path, { secret: true, maxBytes: MAX_BYTES }))
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return new Map()
    throw error
  }
}

/** Takes in later times; other processes do so, too. */
export const mergeUses = (path: string, recent: ReadonlyMap<string, number>): Promise<void> =>
  withLock(path, () => {
    const uses = readUses(path)
    for (const [id, ms] of recent) uses.set(id, Math.max(ms, uses.get(id) ?? 0))
    const json = { format: 'portcullis-api-key-uses', version: 1, uses: Object.fromEntries(uses) }
    writeFileAtomicSync(path, `${JSON.stringify(json)}\n`, { mode: 0o600 })
  })
