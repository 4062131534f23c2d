import { FileError, readTextFile, writeFileAtomicSync, withLock } from '@portcullis-internal/files'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { configurationError } from '../exit.ts'

const bytes = 32
const wellFormed = /^[A-Za-z0-9_-]{43}$/

const read = (path: string): Uint8Array | undefined => {
  try {
    const text = readTextFile(path, { secret: true, maxBytes: 1024 }).trim()
    if (!wellFormed.test(text))
      throw configurationError(`${JSON.stringify(path)} is not a master key: 32 bytes as base64url text`)
    return new Uint8Array(Buffer.from(text, 'base64url'))
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return undefined
    if (error instanceof FileError) throw configurationError(error.message, { cause: error })
    throw error
  }
}

/** The key that session ids, cursors and the audit log's key are derived from; made when it is not there. */
export const loadMasterKey = async (dir: string): Promise<Uint8Array> => {
  const path = join(dir, 'master.key')
  return (
    read(path) ??
    withLock(path, () => {
      const other = read(path)
      if (other !== undefined) return other
      const key = randomBytes(bytes)
      writeFileAtomicSync(path, `${key.toString('base64url')}\n`, { mode: 0o600 })
      return new Uint8Array(key)
    })
  )
}
