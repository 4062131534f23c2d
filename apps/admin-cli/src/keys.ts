import { FileError, readMasterKey, readTextFile } from '@portcullis-internal/files'
import { ApiKeyError, type ApiKeyRecord, isLegacyFile } from '@portcullis/auth-apikey'
import { CliError, exitCodes } from './failure.ts'
import type { Purpose } from './key-places.ts'
import { type KeyAdministration, openKeyStores } from './key-stores.ts'
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

/** Records that nobody could have read from here: what is missing is said. */
const explained = (error: unknown, { dir }: Settings): unknown => {
  const isUnreadable = error instanceof ApiKeyError && error.message.startsWith('in Redis, the record')
  if (!isUnreadable || readMasterKey(dir) !== undefined) return error
  const message = `${error.message}; ${JSON.stringify(dir)} has no master.key: copy that of the installation that made the keys`
  return new CliError(error.code, exitCodes.configuration, message, { cause: error })
}

/** Runs `work` with the keys of the installation; a file of plain-text keys has to be converted first. */
export const withKeys = async <T>(
  settings: Settings,
  purpose: Purpose,
  work: (keys: KeyAdministration) => Promise<T>,
): Promise<T> => {
  const file = keyFileOf(settings)
  if (isLegacyAt(file)) {
    const message = `${JSON.stringify(file)} holds plain-text keys of the old format; run "portcullis keys migrate" first`
    throw new CliError('ERR_APIKEY_LEGACY', exitCodes.conflict, message)
  }
  const keys = await openKeyStores(settings, purpose)
  try {
    return await work(keys)
  } catch (error) {
    throw explained(error, settings)
  } finally {
    await keys.close()
  }
}

/** As the package says it: what is not found is not repeated, it may be a key where a name belongs. */
export const noSuchKey = (): CliError =>
  new CliError('ERR_APIKEY_NOT_FOUND', exitCodes.notFound, 'there is no key of that name or id')

/** `rotated`: its time as a predecessor is over. `early`: it is not good yet. */
export type KeyState = 'active' | 'disabled' | 'revoked' | 'expired' | 'rotated' | 'early'

/** How a key stands by itself; one that was issued by another is refused besides when that one is. */
export const stateOf = (record: ApiKeyRecord, nowMs: number): KeyState => {
  const { status, replaced, expiresAtMs, notBeforeMs = 0 } = record
  if (status !== 'active') return status
  if (replaced !== undefined && replaced.atMs <= nowMs) return 'rotated'
  if (expiresAtMs !== null && expiresAtMs <= nowMs) return 'expired'
  return notBeforeMs > nowMs ? 'early' : 'active'
}

/** When a key ends, by its expiry or as a predecessor; `null`: never, 0: it was ended at once. */
export const endOf = ({ expiresAtMs, replaced }: ApiKeyRecord): number | null =>
  replaced === undefined ? expiresAtMs : Math.min(replaced.atMs, expiresAtMs ?? Number.POSITIVE_INFINITY)

/** What of a record may leave: everything but its hash. */
export const withoutHash = (record: ApiKeyRecord) => {
  const { hash: _hash, alg: _alg, pepperId: _pepperId, ...shown } = record
  return shown
}

/** What of a record is shown, with `status` as `stateOf` has it; `lastUsedAtMs` where it is known. */
export const publicRecord = (record: ApiKeyRecord, nowMs: number, lastUsedAtMs?: number) => ({
  ...withoutHash(record),
  status: stateOf(record, nowMs),
  ...(lastUsedAtMs === undefined ? {} : { lastUsedAtMs }),
})

export const describeGrants = (grants: readonly string[]): string =>
  grants.length === 0 ? 'nothing' : grants.join(', ')

export const describeTime = (ms: number | null): string => (ms === null ? 'never' : new Date(ms).toISOString())

export const describeEnd = (record: ApiKeyRecord): string =>
  endOf(record) === 0 ? 'ended' : describeTime(endOf(record))

/** A key in a sentence. */
export const describeKey = ({ name, id }: ApiKeyRecord): string => `${JSON.stringify(name)} (${id})`
