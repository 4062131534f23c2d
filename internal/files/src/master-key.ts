import { hkdfSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { writeFileAtomicSync } from './atomic.ts'
import { FileError } from './errors.ts'
import { withLock } from './lock.ts'
import { readTextFile } from './read.ts'

const BYTES = 32
const WELL_FORMED = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

const pathOf = (directory: string): string => join(directory, 'master.key')

/**
 * The key of an installation that all others are derived from: 32 bytes as base64url text on one line in `master.key`; `undefined` where there is none.
 * @throws FileError `ERR_FILE_ENCODING` when it holds anything else
 */
export const readMasterKey = (directory: string): Uint8Array | undefined => {
  const path = pathOf(directory)
  try {
    const text = readTextFile(path, { secret: true, maxBytes: 1024 }).replace(/\r?\n$/, '')
    if (WELL_FORMED.test(text)) return new Uint8Array(Buffer.from(text, 'base64url'))
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return undefined
    throw error
  }
  throw new FileError('ERR_FILE_ENCODING', `${JSON.stringify(path)} is not a master key: 32 bytes as base64url text`)
}

/** A master key that is not written anywhere yet. */
export const newMasterKey = (): Uint8Array => new Uint8Array(randomBytes(BYTES))

/** As `readMasterKey`; writes `key` where there is none. */
export const loadMasterKey = async (directory: string, key: Uint8Array = newMasterKey()): Promise<Uint8Array> =>
  readMasterKey(directory) ??
  withLock(pathOf(directory), () => {
    const other = readMasterKey(directory)
    if (other !== undefined) return other
    const text = Buffer.from(key).toString('base64url')
    writeFileAtomicSync(pathOf(directory), `${text}\n`, { mode: 0o600 })
    return key
  })

/** A key for one purpose: HKDF-SHA256 (RFC 5869) with an empty salt, 32 bytes. */
export const deriveKey = (masterKey: Uint8Array, purpose: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', masterKey, '', `portcullis/${purpose}/v1`, 32))
