import { hkdfSync } from 'node:crypto'
import { join } from 'node:path'
import { FileError, readTextFile } from '@portcullis-internal/files'
import { configurationError } from './failure.ts'

/** HKDF-SHA256 (RFC 5869) of the master key, empty salt, 32 bytes. */
export const deriveAuditKey = (masterKey: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', masterKey, '', 'portcullis/audit/v1', 32))

/** The key of the audit log in a configuration folder, from its `master.key` (32 bytes as base64url, one line); `undefined` where there is none. */
export const readAuditKey = (dir: string): Uint8Array | undefined => {
  const file = join(dir, 'master.key')
  let text: string
  try {
    text = readTextFile(file, { secret: true, maxBytes: 4096 })
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return undefined
    throw error
  }
  const line = text.replace(/\r?\n$/, '')
  const masterKey = Buffer.from(line, 'base64url')
  if (masterKey.length !== 32 || masterKey.toString('base64url') !== line) {
    throw configurationError(`${JSON.stringify(file)} is not one line with 32 bytes as base64url`)
  }
  return deriveAuditKey(masterKey)
}
