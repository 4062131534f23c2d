import { FileError, readTextFile } from '@portcullis-internal/files'
import { defaultGrants } from '@portcullis/authz'
import { checkedGrants } from './checks.ts'
import { ApiKeyError } from './errors.ts'

/** One key of the old file, in plain text. */
export interface LegacyEntry {
  readonly name: string
  readonly key: string
  readonly grants: readonly string[]
}

export const maxStoreBytes = 64 * 1_048_576

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const bad = (what: string, cause?: unknown): ApiKeyError =>
  new ApiKeyError('ERR_APIKEY_STORE', `key file of the old format: ${what}`, { cause })

/** Parses without the parser's own message: it quotes the text, and the text holds keys. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiKeyError('ERR_APIKEY_STORE', 'it is not JSON')
  }
}

/** Whether parsed JSON is the old file `{"api_keys": {...}, "key_permissions": {...}}`, which holds keys in plain text. */
export const isLegacyFile = (json: unknown): boolean =>
  isObject(json) && !Object.hasOwn(json, 'format') && Object.hasOwn(json, 'api_keys')

const parseLegacy = (json: unknown): { entries: LegacyEntry[] } => {
  if (!isObject(json) || !isLegacyFile(json)) throw bad('it has no "api_keys"')
  for (const field of Object.keys(json)) {
    // A misspelt "key_permissions" must not turn into default rights.
    if (field !== 'api_keys' && field !== 'key_permissions') {
      throw bad('it has a field besides "api_keys" and "key_permissions"')
    }
  }
  const { api_keys: keys, key_permissions: permissions = {} } = json
  if (!isObject(keys)) throw bad('"api_keys" is not an object of names and keys')
  if (!isObject(permissions)) throw bad('"key_permissions" is not an object of names and lists')
  // Entries are told by their place: in a file with names and keys exchanged the name is a key.
  const seen = new Map<string, number>()
  const entries = Object.entries(keys).map(([name, key], index): LegacyEntry => {
    const place = `entry ${index + 1} of "api_keys"`
    if (typeof key !== 'string') throw bad(`${place} is not a string`)
    const same = seen.get(key)
    if (same !== undefined) throw bad(`${place} and entry ${same} are the same key`)
    seen.set(key, index + 1)
    try {
      return {
        name,
        key,
        grants: checkedGrants(Object.hasOwn(permissions, name) ? permissions[name] : defaultGrants(name)),
      }
    } catch (cause) {
      throw bad(`the permissions of ${place}: ${cause instanceof Error ? cause.message : 'bad'}`, cause)
    }
  })
  return { entries }
}

/**
 * Reads the old file of plain-text keys, by path or already parsed. A key without an entry in `key_permissions` has the grants that its name stands for:
 * `default` all, `readonly` `get_*` and `list_*`, `limited` `hello_world` and `echo`, any other none.
 * @throws ApiKeyError `ERR_APIKEY_STORE` with what is wrong, never with a key
 */
export const readLegacyKeys = (source: string | object): { readonly entries: readonly LegacyEntry[] } => {
  if (typeof source !== 'string') return parseLegacy(source)
  try {
    return parseLegacy(parseJson(readTextFile(source, { secret: true, maxBytes: maxStoreBytes })))
  } catch (error) {
    if (error instanceof FileError) throw new ApiKeyError('ERR_APIKEY_STORE', error.message, { cause: error })
    if (error instanceof ApiKeyError)
      throw new ApiKeyError(error.code, `${JSON.stringify(source)}: ${error.message}`, { cause: error })
    throw error
  }
}
