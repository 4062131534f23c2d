import { createSecretKey } from 'node:crypto'
import { type Stats, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import {
  FileError,
  readTextFile,
  reasonOf,
  shellQuote,
  withLock,
  writeFileAtomicSync,
} from '@portcullis-internal/files'
import { keyBytes, kidOf } from './cipher.ts'
import { ConfigError, fromFileError, optionsError, refuseUnknown } from './errors.ts'
import { generateKey, type LoadedKey, parseKeyText } from './key-text.ts'
import { sweepTemporaries } from './temporaries.ts'
import type { KeySource } from './types.ts'

interface Loader {
  /** `undefined` where there is no key. */
  load(): LoadedKey | undefined
  /** Makes the key where there is none. */
  create?(): Promise<void>
}

// Apart from the sources, so that nothing of a key is in what a caller holds and may print.
const loaders = new WeakMap<KeySource, Loader>()

const define = (source: string, loader: Loader): KeySource => {
  const made = Object.freeze({ source })
  loaders.set(made, loader)
  return made
}

/** Who can rename files in a folder can put another key in the place of this one. */
const refuseOpenFolder = (path: string): void => {
  const folder = dirname(path)
  let stat: Stats | undefined
  try {
    stat = statSync(folder, { throwIfNoEntry: false })
  } catch (cause) {
    throw new ConfigError('ERR_CONFIG_READ', `key file ${JSON.stringify(path)} cannot be reached: ${reasonOf(cause)}`, {
      cause,
    })
  }
  if (!stat || process.getuid === undefined) return
  const sticky = (stat.mode & 0o1000) !== 0
  if ((stat.mode & 0o022) !== 0 && !sticky) {
    const fix = `chmod go-w ${shellQuote(folder)}`
    throw new ConfigError(
      'ERR_CONFIG_KEY',
      `other users can exchange files in ${JSON.stringify(folder)}, where a key is; to mend it: ${fix}`,
    )
  }
}

const loadFile = (path: string): LoadedKey | undefined => {
  refuseOpenFolder(path)
  let text: string
  try {
    text = readTextFile(path, { secret: true, maxBytes: 4096 })
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return undefined
    throw fromFileError(error, 'key')
  }
  return parseKeyText(text, `key file ${JSON.stringify(path)}`)
}

const createFile = async (path: string): Promise<void> => {
  refuseOpenFolder(path)
  const create = (): void => {
    if (loadFile(path)) return
    sweepTemporaries(path)
    writeFileAtomicSync(path, `${generateKey()}\n`, { mode: 0o600 })
  }
  // Two programs may make their first file with the same key at once.
  await withLock(path, create, { timeoutMs: 10_000 }).catch((error: unknown) => {
    throw fromFileError(error, 'key')
  })
}

const file = (path: string): KeySource => {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw optionsError('keys.file takes a path')
  const absolute = resolve(path)
  return define(`file:${absolute}`, { load: () => loadFile(absolute), create: () => createFile(absolute) })
}

const variable = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

const env = (name: string): KeySource => {
  if (typeof name !== 'string' || !variable.test(name)) {
    throw optionsError('keys.env takes the name of an environment variable')
  }
  return define(`env:${name}`, {
    load: () => {
      const text = process.env[name]
      return text === undefined || text === '' ? undefined : parseKeyText(text, `environment variable ${name}`)
    },
  })
}

export const kidSyntax = /^[A-Za-z0-9_-]{1,64}$/

const raw = (bytes: Uint8Array, kid?: string): KeySource => {
  if (!(bytes instanceof Uint8Array) || bytes.length !== keyBytes) {
    throw new ConfigError('ERR_CONFIG_KEY', `keys.raw takes ${keyBytes} bytes`)
  }
  if (kid !== undefined && (typeof kid !== 'string' || !kidSyntax.test(kid))) {
    throw optionsError('a kid is 1 to 64 of A-Z a-z 0-9 _ -')
  }
  const kek = createSecretKey(bytes)
  const key: LoadedKey = { kind: 'sealing', kid: kid ?? kidOf(kek), kek }
  return define('raw', { load: () => key })
}

const parse = (text: string, options: { readonly dir: string }): KeySource => {
  refuseUnknown('keys.parse', options, ['dir'])
  if (typeof options.dir !== 'string') throw optionsError('keys.parse: dir must be a folder')
  const colon = typeof text === 'string' ? text.indexOf(':') : -1
  const rest = colon < 0 ? '' : text.slice(colon + 1)
  if (rest !== '' && text.startsWith('file:')) return file(resolve(options.dir, rest))
  if (rest !== '' && text.startsWith('env:')) return env(rest)
  // Not quoted: someone may have put the key itself there.
  throw optionsError('a key source is "file:PATH" or "env:NAME"')
}

/**
 * Where keys come from: `file` (yours or root's, mode 0600, no link, in a folder that others cannot write to), `env` (a variable with the text of a key file), `raw` (32
 * bytes; `kid` names the key in files, by default it is derived from the key), `parse` (`file:PATH`, relative to `dir`, or `env:NAME`).
 * @throws ConfigError `ERR_CONFIG_OPTIONS`, `ERR_CONFIG_KEY`
 */
export const keys = Object.freeze({ file, env, raw, parse })

const loaderOf = (source: KeySource): Loader => {
  const loader = typeof source === 'object' && source !== null ? loaders.get(source) : undefined
  if (!loader) throw optionsError('keys must be made by keys.file, keys.env, keys.raw or keys.parse')
  return loader
}

/** A list of sources as a caller gave it. */
export const checkSources = (sources: unknown): readonly KeySource[] => {
  if (!Array.isArray(sources) || sources.length === 0) throw optionsError('keys must be a list of key sources')
  for (const source of sources) loaderOf(source as KeySource)
  return [...(sources as KeySource[])]
}

export const loadKey = (source: KeySource): LoadedKey | undefined => loaderOf(source).load()

/** The key of a source; made, written and read again where a file is absent. */
export const loadOrCreateKey = async (source: KeySource): Promise<LoadedKey> => {
  const loader = loaderOf(source)
  let key = loader.load()
  if (!key && loader.create) {
    await loader.create()
    key = loader.load()
  }
  if (key) return key
  throw new ConfigError('ERR_CONFIG_NO_KEY', `there is no key in ${JSON.stringify(source.source)}`)
}
