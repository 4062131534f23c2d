import { FileError, readTextFile } from '@portcullis-internal/files'
import { type ApiKeyRecord, type ApiKeys, createApiKeys, fileStore, isLegacyFile } from '@portcullis/auth-apikey'
import { CliError, exitCodes } from './failure.ts'
import { keyFileOf, type Settings } from './settings.ts'

/** What a text parses to; `undefined` for anything that is not JSON, which the store itself reports better. */
const tryJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const isLegacyAt = (file: string): boolean => {
  try {
    return isLegacyFile(tryJson(readTextFile(file, { secret: true, maxBytes: 64 * 1_048_576 })))
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}

/** The keys of the configuration folder; a file of plain-text keys has to be converted first. */
export const openKeys = (settings: Settings): ApiKeys => {
  const file = keyFileOf(settings)
  if (isLegacyAt(file)) {
    const message = `${JSON.stringify(file)} holds plain-text keys of the old format; run "portcullis keys migrate" first`
    throw new CliError('ERR_APIKEY_LEGACY', exitCodes.conflict, message)
  }
  return createApiKeys({ store: fileStore(file) })
}

export type KeyState = 'active' | 'revoked' | 'expired'

export const stateOf = (record: ApiKeyRecord, nowMs: number): KeyState =>
  record.status === 'active' && record.expiresAtMs !== null && record.expiresAtMs <= nowMs ? 'expired' : record.status

/** What of a record is shown: not its hash. */
export const publicRecord = (record: ApiKeyRecord, nowMs: number) => {
  const { hash: _hash, alg: _alg, rev: _rev, ...shown } = record
  return { ...shown, status: stateOf(record, nowMs) }
}

export const describeGrants = (grants: readonly string[]): string =>
  grants.length === 0 ? 'nothing' : grants.join(', ')

export const describeTime = (ms: number | null): string => (ms === null ? 'never' : new Date(ms).toISOString())
