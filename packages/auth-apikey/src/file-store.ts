import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  createFileSnapshot,
  FileError,
  removeLeftovers,
  readTextFile,
  reasonOf,
  withLock,
  writeFileAtomicSync,
} from '@portcullis-internal/files'
import { checkLabel, refuseUnknown } from './checks.ts'
import { ApiKeyError } from './errors.ts'
import { absentKeyFile, formatKeyFile, type KeyFile, keepUnchanged, legacyTable, parseKeyFile } from './key-file.ts'
import { maxStoreBytes, parseJson } from './legacy.ts'
import { writableChanges } from './record.ts'
import { commitToTable, findInTable } from './table.ts'
import type { ApiKeyRecord, ApiKeyStore, CommitOutcome } from './types.ts'
import { mergeUses, readUses } from './uses-file.ts'

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

/** Reads the file under its lock, lets `edit` change the table, and writes it back if that succeeded. */
const change = async (path: string, edit: (file: KeyFile) => CommitOutcome): Promise<CommitOutcome> => {
  makeDirectory(path)
  const locked = (): CommitOutcome => {
    const text = readText(path)
    const file = text === undefined ? absentKeyFile() : parseKeyFile(text)
    if (file.format === 'legacy') {
      throw new ApiKeyError(
        'ERR_APIKEY_LEGACY',
        `${JSON.stringify(path)} holds plain-text keys of the old format; "portcullis keys migrate" converts it`,
      )
    }
    const outcome = edit(file)
    if (outcome === 'done') {
      const next = formatKeyFile(file.rev + 1, file.table.byId.values())
      if (Buffer.byteLength(next) > maxStoreBytes) {
        throw new ApiKeyError('ERR_APIKEY_STORE', `it is full: ${maxStoreBytes} bytes`)
      }
      writeFileAtomicSync(path, next, { mode: 0o600 })
      removeLeftovers(path)
    }
    return outcome
  }
  return withLock(path, locked).catch((error: unknown) => {
    throw storeError(path, error)
  })
}

export interface FileKeyStore extends ApiKeyStore {
  /** Ends the watch on the folder. The store can still be used; what others change is then seen within 250 ms. */
  close(): void
}

/**
 * Keeps keys in one JSON file, mode 0600, that any number of processes may share: a change is written as a whole under a lock, and seen by the others at
 * once, or within 250 ms where the system does not tell. An absent file is an empty store; one that is damaged, or that others can read or own, is `ERR_APIKEY_STORE` and never
 * written over. A file of plain-text keys of the old format is read but not written (`ERR_APIKEY_LEGACY`). When keys were last used is kept beside it, in `<path>.uses`.
 * @param options `label` (default `file`) is part of every principal's id
 */
export const fileStore = (path: string, options: { readonly label?: string } = {}): FileKeyStore => {
  refuseUnknown('fileStore', options, ['label'])
  const { label = 'file' } = options
  checkLabel('label', label)
  if (typeof path !== 'string' || path === '') throw new ApiKeyError('ERR_APIKEY_OPTION', 'path must be a path')
  const usesPath = `${path}.uses`
  let last: KeyFile | undefined
  let readings = 0
  const parse = (text: string): KeyFile => {
    last = keepUnchanged(last, parseKeyFile(text))
    readings++
    return last
  }
  const snapshot = createFileSnapshot(path, parse, { secret: true, maxBytes: maxStoreBytes, watch: true })
  const empty = absentKeyFile()
  const current = () => inStore(path, () => snapshot.current() ?? empty).table
  return {
    label,
    get: (id) => current().byId.get(id),
    find: (idOrName) => findInTable(current(), idOrName),
    list: () => [...current().byId.values()],
    stamp: () => inStore(path, () => (snapshot.current() === undefined ? 0 : readings)),
    refresh: () => void inStore(path, () => snapshot.refresh()),
    async commit(changes) {
      const outcome = await change(path, ({ table }) => commitToTable(table, writableChanges(changes)))
      // What this process wrote it sees at once; whatever is wrong with the file now, the next reader says.
      try {
        snapshot.refresh()
      } catch {}
      return outcome
    },
    touch: (uses) =>
      mergeUses(usesPath, uses).catch((error: unknown) => {
        throw storeError(usesPath, error)
      }),
    lastUses: () => inStore(usesPath, () => readUses(usesPath)),
    close: () => snapshot.close(),
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
