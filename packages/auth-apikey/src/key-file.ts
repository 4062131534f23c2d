import { ApiKeyError } from './errors.ts'
import { isLegacyFile, parseJson, readLegacyKeys } from './legacy.ts'
import { importedRecord } from './imported.ts'
import { parseRecord } from './record.ts'
import { commitToTable, emptyTable, type Table } from './table.ts'
import type { ApiKeyRecord } from './types.ts'

/** What a key file holds. */
export interface KeyFile {
  readonly format: 'ours' | 'legacy'
  /** Counts the writes. */
  readonly rev: number
  readonly table: Table
}

const bad = (what: string): ApiKeyError => new ApiKeyError('ERR_APIKEY_STORE', what)

const fill = (records: readonly ApiKeyRecord[], placeOf: (index: number) => string): Table => {
  const table = emptyTable()
  for (const [index, record] of records.entries()) {
    const outcome = commitToTable(table, [{ insert: record }])
    if (outcome !== 'done') throw bad(`${placeOf(index)} repeats the ${outcome.replace('_taken', '')} of another`)
  }
  return table
}

const parseOurs = (json: unknown): KeyFile => {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw bad('it is not a JSON object')
  const { format, version, rev, keys, ...others } = json as Record<string, unknown>
  if (format !== 'portcullis-api-keys') throw bad('its "format" is not "portcullis-api-keys"')
  if (version !== 1) throw bad('its "version" is not 1: another version of this program wrote it')
  if (!Number.isSafeInteger(rev) || (rev as number) < 0) throw bad('its "rev" is not a number of writes')
  if (!Array.isArray(keys)) throw bad('its "keys" is not a list')
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    throw bad(`it has a field that this version does not know: ${JSON.stringify(unknown.slice(0, 64))}`)
  const placeOf = (index: number) => `key ${index + 1}`
  const records = keys.map((value, index) => parseRecord(value, placeOf(index)))
  return { format: 'ours', rev: rev as number, table: fill(records, placeOf) }
}

/** The keys of an old file as records made at `createdAtMs`. */
export const legacyTable = (json: object, createdAtMs: number): Table => {
  const placeOf = (index: number) => `entry ${index + 1} of "api_keys"`
  const records = readLegacyKeys(json).entries.map((entry, index) => {
    try {
      return importedRecord({ ...entry, origin: 'legacy', expiresAtMs: null }, createdAtMs)
    } catch (error) {
      // The message of a bad name does not quote it: in a file with names and keys exchanged the name is a key.
      throw error instanceof ApiKeyError ? bad(`${placeOf(index)}: ${error.message}`) : error
    }
  })
  return fill(records, placeOf)
}

/** Reads a key file of either format. Throws `ERR_APIKEY_STORE` for anything else. */
export const parseKeyFile = (text: string): KeyFile => {
  const json = parseJson(text)
  return isLegacyFile(json) ? { format: 'legacy', rev: 0, table: legacyTable(json as object, 0) } : parseOurs(json)
}

export const absentKeyFile = (): KeyFile => ({ format: 'ours', rev: 0, table: emptyTable() })

/** One line a key, so that a change is one line in a comparison. */
export const formatKeyFile = (rev: number, records: Iterable<ApiKeyRecord>): string => {
  const lines = Array.from(records, (record) => JSON.stringify(record)).join(',\n')
  return `{"format":"portcullis-api-keys","version":1,"rev":${rev},"keys":[\n${lines}\n]}\n`
}

/** Keeps the identity of records that a re-read did not change: what is cached by a record stays valid. */
export const keepUnchanged = (before: KeyFile | undefined, after: KeyFile): KeyFile => {
  if (!before) return after
  for (const [id, record] of after.table.byId) {
    const old = before.table.byId.get(id)
    if (!old || JSON.stringify(old) !== JSON.stringify(record)) continue
    after.table.byId.set(id, old)
    if (after.table.byName.get(old.name) === record) after.table.byName.set(old.name, old)
  }
  return after
}
