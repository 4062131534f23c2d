import { readTextFile } from '@portcullis-internal/files'
import { maxFileBytes, parseFile } from './document.ts'
import { ConfigError, fromFileError } from './errors.ts'
import { decryptToken, type FernetKey, verifyToken } from './fernet.ts'
import { isObject } from './json.ts'
import { checkSources, loadKey } from './key-source.ts'
import { parseKeyText } from './key-text.ts'
import type { KeySource } from './types.ts'
import type { Entry, View } from './view.ts'

const prefix = 'encrypted_'

const unreadable = (): ConfigError =>
  new ConfigError('ERR_CONFIG_INTEGRITY', 'a token of it was changed, or is of another key')

const tokenEntry = (key: FernetKey, token: unknown): Entry => {
  const signed = typeof token === 'string' ? verifyToken(key, token) : undefined
  if (!signed) throw unreadable()
  return {
    sealed: true,
    reveal: () => {
      const text = decryptToken(key, signed)
      if (text === undefined) throw unreadable()
      return text
    },
  }
}

/**
 * A Fernet file: members `encrypted_NAME` are tokens, all others plain values. Every token is authenticated, none decrypted. A token takes the place of a plain
 * value that stands before it, as in the program that wrote such files; the other order is refused. Nothing binds a token to its name, and plain values to anything.
 */
export const openLegacy = (text: string, key: FernetKey): View => {
  const root = parseFile(text)
  if (isObject(root['sealed']) && isObject(root['config'])) {
    throw new ConfigError('ERR_CONFIG_NO_KEY', 'a Fernet key does not open it: it is a sealed configuration')
  }
  const entries = new Map<string, Entry>()
  for (const [member, value] of Object.entries(root)) {
    const token = member.startsWith(prefix)
    const name = token ? member.slice(prefix.length) : member
    if (!token && entries.has(name)) {
      throw new ConfigError('ERR_CONFIG_MALFORMED', 'a plain value stands behind an encrypted one of the same name')
    }
    entries.set(name, token ? tokenEntry(key, value) : { sealed: false, value })
  }
  return { rev: 0, entries }
}

export const readConfigText = (path: string): string => {
  try {
    return readTextFile(path, { secret: false, maxBytes: maxFileBytes })
  } catch (error) {
    throw fromFileError(error, 'configuration')
  }
}

/** Says which file it was. */
export const inFile = <T>(path: string, read: () => T): T => {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(error.code, `configuration file ${JSON.stringify(path)}: ${error.message}`, { cause: error })
  }
}

const fernetKeyFrom = (key: KeySource | string): FernetKey => {
  const place = typeof key === 'string' ? 'the text given' : JSON.stringify(key.source)
  const loaded = typeof key === 'string' ? parseKeyText(key, place) : checkSources([key]).map(loadKey)[0]
  if (!loaded) throw new ConfigError('ERR_CONFIG_NO_KEY', `there is no key in ${place}`)
  if (loaded.kind === 'fernet') return loaded
  throw new ConfigError('ERR_CONFIG_KEY', `${place} holds a key of ours, and a Fernet file needs a Fernet key`)
}

/**
 * Reads a Fernet file whole and decrypts it: `encrypted_NAME` members are tokens of the Fernet specification (0x80), the others plain.
 * @param key where the bare Fernet key is (44 characters of base64url), or its text
 * @throws ConfigError `ERR_CONFIG_ABSENT`, `ERR_CONFIG_INTEGRITY`, `ERR_CONFIG_KEY`, `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_NO_KEY`, `ERR_CONFIG_UNSAFE`
 */
export const importFernet = (
  path: string,
  key: KeySource | string,
): readonly { readonly name: string; readonly value: unknown; readonly sealed: boolean }[] => {
  const fernetKey = fernetKeyFrom(key)
  const text = readConfigText(path)
  return inFile(path, () =>
    [...openLegacy(text, fernetKey).entries].map(([name, entry]) => ({
      name,
      value: entry.sealed ? entry.reveal() : entry.value,
      sealed: entry.sealed,
    })),
  )
}
