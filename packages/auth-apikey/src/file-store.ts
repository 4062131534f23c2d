import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  createFileSnapshot,
  FileError,
  readTextFile,
  reasonOf,
  withLock,
  writeFileAtomicSync,
} from '@portcullis-internal/files'
import { checkLabel, refuseUnknown } from './checks.ts'
import { ApiKeyError } from './errors.ts'
import { absentKeyFile, formatKeyFile, type KeyFile, keepUnchanged, legacyTable, parseKeyFile } from './key-file.ts'
import { maxStoreBytes, parseJson } from './legacy.ts'
import { freezeRecord } from './record.ts'
import { addToTable, findInTable, replaceInTable } from './table.ts'
import type { ApiKeyRecord, ApiKeyStore } from './types.ts'

/** Runs `read` and turns what went wrong with the file into the store's own error, which names the file. */
const inStore = <T>(path: string, read: () => T): T => {
  try {
    return read()
  } catch (error) {
    throw storeError(path, error)
  }
}

const storeError = (path: string, error: unknown): unknown => {
  if (error instanceof FileError) {
    const code = error.code === 'ERR_FILE_LOCKED' ? 'ERR_APIKEY_LOCKED' : 'ERR_APIKEY_STORE'
    return new ApiKeyError(code, `key file ${error.message}`, { cause: error })
  }
  if (error instanceof ApiKeyError && error.code === 'ERR_APIKEY_STORE') {
    return new ApiKeyError(error.code, `key file ${JSON.stringify(path)} is damaged: ${error.message}`, {
      cause: error,
    })
  }
  return error
}

const readText = (path: string): string | undefined => {
  try {
    return readTextFile(path, { secret: true, maxBytes: maxStoreBytes })
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return undefined
    throw error
  }
}

const makeDirectory = (path: string): void => {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new ApiKeyError(
      'ERR_APIKEY_STORE',
      `the folder of key file ${JSON.stringify(path)} cannot be made: ${reasonOf(cause)}`,
      { cause },
    )
  }
}

/** Reads the file under its lock, lets `edit` change the table, and writes it back if `edit` says so. */
const change = async <T>(path: string, edit: (file: KeyFile) => { result: T; write: boolean }): Promise<T> => {
  makeDirectory(path)
  const locked = (): T => {
    const text = readText(path)
    const file = text === undefined ? absentKeyFile() : parseKeyFile(text)
    if (file.format === 'legacy') {
      throw new ApiKeyError(
        'ERR_APIKEY_LEGACY',
        `${JSON.stringify(path)} holds plain-text keys of the old format; "portcullis keys migrate" converts it`,
      )
    }
    const { result, write } = edit(file)
    if (write) writeFileAtomicSync(path, formatKeyFile(file.rev + 1, file.table.byId.values()), { mode: 0o600 })
    return result
  }
  return withLock(path, locked).catch((error: unknown) => {
    throw storeError(path, error)
  })
}

/**
 * Keeps keys in one JSON file, mode 0600, that any number of processes may share: a change is written as a whole under a lock, and seen by the others within
 * 250 ms, a new key at once. An absent file is an empty store; one that is damaged, or that others can read, is `ERR_APIKEY_STORE` and never written over. A file of plain-text
 * keys of the old format is read but not written (`ERR_APIKEY_LEGACY`).
 * @param options `label` (default `file`) is part of every principal's id
 */
export const fileStore = (path: string, options: { readonly label?: string } = {}): ApiKeyStore => {
  refuseUnknown('fileStore', options, ['label'])
  const { label = 'file' } = options
  checkLabel('label', label)
  if (typeof path !== 'string' || path === '') throw new ApiKeyError('ERR_APIKEY_OPTION', 'path must be a path')
  let last: KeyFile | undefined
  const parse = (text: string): KeyFile => (last = keepUnchanged(last, parseKeyFile(text)))
  const snapshot = createFileSnapshot(path, parse, { secret: true, maxBytes: maxStoreBytes })
  const empty = absentKeyFile()
  const current = () => inStore(path, () => snapshot.current() ?? empty).table
  const changed = <T>(result: T): T => {
    // What this process wrote it sees at once; whatever is wrong with the file now, the next reader says.
    try {
      snapshot.refresh()
    } catch {}
    return result
  }
  return {
    label,
    get: (id) => current().byId.get(id),
    find: (idOrName) => findInTable(current(), idOrName),
    list: () => [...current().byId.values()],
    refresh: () => void inStore(path, () => snapshot.refresh()),
    insert: async (record: ApiKeyRecord) =>
      changed(
        await change(path, ({ table }) => {
          const result = addToTable(table, freezeRecord(record))
          return { result, write: result === 'inserted' }
        }),
      ),
    replace: async (record: ApiKeyRecord, expectedRev: number) =>
      changed(
        await change(path, ({ table }) => {
          const result = replaceInTable(table, freezeRecord(record), expectedRev)
          return { result, write: result }
        }),
      ),
  }
}

const absent = (path: string): ApiKeyError =>
  new ApiKeyError('ERR_APIKEY_NOT_FOUND', `there is no key file ${JSON.stringify(path)}`)

/**
 * Converts a file of plain-text keys into a key file of ours in its place: the keys go on working, their text is no longer kept. Returns the records made;
 * none if the file is one of ours already.
 * @throws ApiKeyError `ERR_APIKEY_NOT_FOUND` (no file), `ERR_APIKEY_STORE` (unsafe or damaged; left as it is), `ERR_APIKEY_LOCKED`
 */
export const migrateLegacy = async (
  path: string,
  options: { readonly clock?: () => number } = {},
): Promise<readonly ApiKeyRecord[]> => {
  refuseUnknown('migrateLegacy', options, ['clock'])
  const { clock = Date.now } = options
  const convert = (): readonly ApiKeyRecord[] => {
    const text = readText(path)
    if (text === undefined) throw absent(path)
    if (parseKeyFile(text).format === 'ours') return []
    const records = [...legacyTable(parseJson(text) as object, clock()).byId.values()]
    writeFileAtomicSync(path, formatKeyFile(1, records), { mode: 0o600 })
    return records
  }
  // Without a file there may be no folder to put a lock into.
  if (inStore(path, () => readText(path)) === undefined) throw absent(path)
  return withLock(path, convert).catch((error: unknown) => {
    throw storeError(path, error)
  })
}
