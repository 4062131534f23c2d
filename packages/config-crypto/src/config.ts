import { lstatSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { reasonOf, withLock, writeFileAtomicSync } from '@portcullis-internal/files'
import { isName } from './document.ts'
import { ConfigError, fromFileError, optionsError, refuseUnknown } from './errors.ts'
import { copyJson } from './json.ts'
import { checkSources, loadKey, loadOrCreateKey } from './key-source.ts'
import type { LoadedKey, SealingKey } from './key-text.ts'
import { inFile, openLegacy, readConfigText } from './legacy.ts'
import { createSealed, formatSealed, nextSealed, openSealed, type SealedFile, storedValue } from './sealed-file.ts'
import { createSecret } from './secret.ts'
import { sweepTemporaries } from './temporaries.ts'
import type { Config, CreateOptions, Draft, JsonValue, KeySource, OpenOptions } from './types.ts'
import type { Entry, View } from './view.ts'

type Opened = { readonly kind: 'sealed'; readonly file: SealedFile } | { readonly kind: 'legacy'; readonly file: View }

interface Place {
  readonly path: string
  readonly sources: readonly KeySource[]
  readonly minRev: number
}

const lockTimeoutMs = 10_000

const isSealing = (key: LoadedKey): key is SealingKey => key.kind === 'sealing'

const read = ({ path, sources, minRev }: Place): Opened => {
  const loaded = sources.map(loadKey).filter((key) => key !== undefined)
  const sealing = loaded.filter(isSealing)
  const [fernet] = loaded.filter((key) => key.kind === 'fernet')
  if (fernet && sealing.length > 0) {
    throw new ConfigError('ERR_CONFIG_KEY', 'keys of ours and Fernet keys together: name those of one kind')
  }
  const text = readConfigText(path)
  return inFile(path, (): Opened => {
    if (fernet) {
      if (minRev > 0) throw new ConfigError('ERR_CONFIG_ROLLBACK', 'a Fernet file does not count its writes')
      return { kind: 'legacy', file: openLegacy(text, fernet) }
    }
    const file = openSealed(
      text,
      sealing,
      sources.map(({ source }) => source),
    )
    if (file.rev >= minRev) return { kind: 'sealed', file }
    throw new ConfigError('ERR_CONFIG_ROLLBACK', `it was written ${file.rev} times, and ${minRev} are known`)
  })
}

/** What is there now must be what this process knows, or come after it. */
const assertFollows = (before: Opened, after: Opened, path: string): void => {
  inFile(path, () => {
    if (before.kind !== 'sealed' || after.kind !== 'sealed') {
      if (before.kind === after.kind || after.kind === 'sealed') return
      throw new ConfigError('ERR_CONFIG_ROLLBACK', 'a Fernet file took its place')
    }
    const [a, b] = [before.file, after.file]
    if (a.header.id !== b.header.id) throw new ConfigError('ERR_CONFIG_ROLLBACK', 'another file took its place')
    if (b.rev < a.rev) throw new ConfigError('ERR_CONFIG_ROLLBACK', `it went back from write ${a.rev} to ${b.rev}`)
    if (b.rev === a.rev && !a.mac.equals(b.mac)) {
      throw new ConfigError('ERR_CONFIG_ROLLBACK', `there are two different writes ${a.rev} of it`)
    }
  })
}

const write = (path: string, file: SealedFile): void => {
  // It would be replaced, and whatever it points to left as it was.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new ConfigError('ERR_CONFIG_WRITE', `${JSON.stringify(path)} is a symbolic link: name the file itself`)
  }
  sweepTemporaries(path)
  writeFileAtomicSync(path, formatSealed(file), { mode: 0o600 })
}

const locked = <T>(path: string, fn: () => T | Promise<T>): Promise<T> =>
  withLock(path, fn, { timeoutMs: lockTimeoutMs }).catch((error: unknown) => {
    throw fromFileError(error, 'configuration')
  })

const checkName = (name: unknown): string => {
  // Not quoted: in "NAME=VALUE" it holds the value.
  if (!isName(name)) throw optionsError('a name is 1 to 128 of A-Z a-z 0-9 _ . -')
  return name
}

const draftOf = (file: SealedFile, values: Map<string, JsonValue>): { draft: Draft; end: () => boolean } => {
  let open = true
  let changed = false
  const assertOpen = (): void => {
    if (!open) throw optionsError('a draft was used after its update')
  }
  const draft: Draft = {
    set: (name, value, options = {}) => {
      assertOpen()
      refuseUnknown('set', options, ['sealed'])
      const { sealed = true } = options
      if (typeof sealed !== 'boolean') throw optionsError('sealed must be true or false')
      values.set(checkName(name), storedValue(file, name, copyJson(value), sealed))
      changed = true
    },
    delete: (name) => {
      assertOpen()
      const there = values.delete(checkName(name))
      changed ||= there
      return there
    },
  }
  return {
    draft,
    end: () => {
      open = false
      return changed
    },
  }
}

const legacyError = (path: string): ConfigError =>
  new ConfigError(
    'ERR_CONFIG_LEGACY',
    `${JSON.stringify(path)} is a Fernet file, which is read only; "portcullis secrets migrate" converts it`,
  )

const configOf = (place: Place, first: Opened): Config => {
  const { path } = place
  let state = first
  const entry = (name: string): Entry | undefined => state.file.entries.get(name)
  const valueOf = (found: Entry): unknown => (found.sealed ? found.reveal() : structuredClone(found.value))

  const update = async (change: (draft: Draft) => unknown): Promise<void> => {
    if (typeof change !== 'function') throw optionsError('update takes a function')
    if (state.kind === 'legacy') throw legacyError(path)
    await locked(path, () => {
      const fresh = read(place)
      assertFollows(state, fresh, path)
      if (fresh.kind === 'legacy') throw legacyError(path)
      const values = new Map(fresh.file.values)
      const { draft, end } = draftOf(fresh.file, values)
      let result: unknown
      let changed = false
      try {
        result = change(draft)
      } finally {
        changed = end()
      }
      if (result instanceof Promise) {
        result.catch(() => {})
        throw optionsError('the change of an update must be synchronous')
      }
      if (!changed) {
        state = fresh
        return
      }
      const next = nextSealed(fresh.file, values)
      write(path, next)
      state = { kind: 'sealed', file: next }
    })
  }

  return {
    get rev() {
      return state.file.rev
    },
    get legacy() {
      return state.kind === 'legacy'
    },
    get: (name, fallback) => {
      const found = entry(name)
      return found ? valueOf(found) : fallback
    },
    secret: (name) => {
      const found = entry(name)
      return found && createSecret(() => valueOf(found))
    },
    has: (name) => entry(name) !== undefined,
    names: () =>
      [...state.file.entries]
        .map(([name, { sealed }]) => ({ name, sealed }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    set: async (name, value, options) => {
      // Now and not when the lock is there: the caller may go on changing it.
      const taken = copyJson(value)
      await update((draft) => draft.set(name, taken, options))
    },
    delete: async (name) => {
      let there = false
      await update((draft) => {
        there = draft.delete(name)
      })
      return there
    },
    update,
    reload: () => {
      const fresh = read(place)
      assertFollows(state, fresh, path)
      state = fresh
    },
  }
}

const checkPath = (path: unknown): string => {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw optionsError('path must be a path')
  return resolve(path)
}

/**
 * Opens a configuration file: reads it, verifies its MAC before anything is decrypted, and opens values when they are asked for. A bare Fernet key opens Fernet
 * files, a key of ours opens ours: the key decides.
 * @throws ConfigError `ERR_CONFIG_ABSENT`, `ERR_CONFIG_INTEGRITY`, `ERR_CONFIG_KEY`, `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_NO_KEY`, `ERR_CONFIG_OPTIONS`,
 * `ERR_CONFIG_READ`, `ERR_CONFIG_ROLLBACK`, `ERR_CONFIG_UNSAFE`, `ERR_CONFIG_VERSION`
 */
export const openConfigSync = (path: string, options: OpenOptions): Config => {
  refuseUnknown('openConfig', options, ['keys', 'minRev'])
  const { minRev = 0 } = options
  if (!Number.isSafeInteger(minRev) || minRev < 0) throw optionsError('minRev must be a number of writes')
  const place: Place = { path: checkPath(path), sources: checkSources(options.keys), minRev }
  return configOf(place, read(place))
}

/** As `openConfigSync`. */
export const openConfig = async (path: string, options: OpenOptions): Promise<Config> => openConfigSync(path, options)

const makeFolder = (path: string): void => {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  } catch (cause) {
    const message = `the folder of configuration file ${JSON.stringify(path)} cannot be made: ${reasonOf(cause)}`
    throw new ConfigError('ERR_CONFIG_WRITE', message, { cause })
  }
}

const loadSealing = async (sources: readonly KeySource[]): Promise<readonly SealingKey[]> => {
  const found = new Map<string, SealingKey>()
  for (const source of sources) {
    const key = await loadOrCreateKey(source)
    const named = JSON.stringify(source.source)
    if (key.kind === 'fernet') {
      throw new ConfigError('ERR_CONFIG_KEY', `${named} holds a Fernet key, and a new file needs a key of ours`)
    }
    if (found.has(key.kid)) throw optionsError(`${named} is a key that was named before`)
    found.set(key.kid, key)
  }
  return [...found.values()]
}

/**
 * Makes a new, empty configuration file, mode 0600, that each of `keys` opens. The key file of a `file:` source is made where it is absent, and read again before the
 * configuration file is written.
 * @throws ConfigError `ERR_CONFIG_EXISTS`, `ERR_CONFIG_KEY`, `ERR_CONFIG_LOCKED`, `ERR_CONFIG_NO_KEY`, `ERR_CONFIG_OPTIONS`, `ERR_CONFIG_WRITE`
 */
export const createConfig = async (path: string, options: CreateOptions): Promise<Config> => {
  refuseUnknown('createConfig', options, ['keys', 'secrets'])
  const sources = checkSources(options.keys)
  const { secrets = [] } = options
  if (!Array.isArray(secrets)) throw optionsError('secrets must be a list of names')
  const names = [...new Set(secrets.map(checkName))].sort()
  const place: Place = { path: checkPath(path), sources, minRev: 0 }
  makeFolder(place.path)
  return locked(place.path, async () => {
    if (lstatSync(place.path, { throwIfNoEntry: false })) {
      throw new ConfigError('ERR_CONFIG_EXISTS', `${JSON.stringify(place.path)} is there already`)
    }
    const file = createSealed(await loadSealing(sources), names)
    write(place.path, file)
    return configOf(place, { kind: 'sealed', file })
  })
}
