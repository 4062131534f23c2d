import { renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { createConfig, importFernet, type JsonValue, keys, openConfigSync } from '@portcullis/config-crypto'
import { FileError, fsyncDirectory, readTextFile, withLock, writeFileAtomicSync } from '@portcullis-internal/files'
import { CliError, configurationError, exitCodes } from '../failure.ts'
import { printJson, printWords, safeLine } from '../output.ts'
import { ignoreInGit, isSecretName, secretPlaces } from '../secrets.ts'
import type { Settings } from '../settings.ts'

/*
 * Two files change, and no file system exchanges two at once. Everything new is finished beside the old before anything is exchanged; then the key is, then the
 * file. A run that was killed is finished by the next one: a new file that waits without its key is one whose key is in place already. In between
 * programs refuse the pair; at no moment is anything lost, and the copies of the old files are there first.
 */

const maxBytes = 10 * 1_048_576

interface Places {
  readonly file: string
  readonly key: string
  readonly newFile: string
  readonly newKey: string
}

const besides = (path: string): string => join(dirname(path), `.${basename(path)}.migrating.tmp`)

const placesOf = (settings: Settings): Places => {
  const { file, sources } = secretPlaces(settings)
  const place = sources[0].source
  if (!place.startsWith('file:')) throw configurationError('secrets.keys must begin with the key file: "file:PATH"')
  const key = place.slice('file:'.length)
  return { file, key, newFile: besides(file), newKey: besides(key) }
}

type Imported = ReturnType<typeof importFernet>

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined
const copyOf = (path: string): string => `${path}.fernet`
const conflict = (message: string): CliError => new CliError('ERR_CLI_CONFLICT', exitCodes.conflict, message)

const textIfThere = (path: string): string | undefined => {
  try {
    return readTextFile(path, { secret: true, maxBytes })
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return undefined
    throw error
  }
}

/** A copy for its owner alone. One of something else is not written over. */
const keepCopy = (path: string, text: string): void => {
  const copy = copyOf(path)
  const before = textIfThere(copy)
  if (before === text) return
  if (before !== undefined)
    throw conflict(`${JSON.stringify(copy)} is there already and holds something else: move it away`)
  writeFileAtomicSync(copy, text, { mode: 0o600 })
}

/** What a plain value may not be is sealed. */
const mustSeal = (value: unknown): boolean => JSON.stringify(value).includes('"enc:')

const writeNew = async ({ newFile, newKey }: Places, imported: Imported): Promise<void> => {
  // The file first: one without its key means something else.
  for (const path of [newFile, newKey]) rmSync(path, { force: true })
  const source = keys.file(newKey)
  const made = await createConfig(newFile, { keys: [source] })
  await made.update((draft) => {
    for (const { name, value, sealed } of imported) {
      draft.set(name, value as JsonValue, { sealed: sealed || mustSeal(value) })
    }
  })
  const written = openConfigSync(newFile, { keys: [source] })
  const same = imported.every(({ name, value }) => isDeepStrictEqual(written.get(name), value))
  if (!same || written.names().length !== imported.length) {
    throw new CliError('ERR_CLI_UNEXPECTED', exitCodes.unexpected, 'what was written does not read as what was there')
  }
}

const exchange = (from: string, to: string): void => {
  renameSync(from, to)
  fsyncDirectory(dirname(to))
}

/** The rest of a run that was killed between its two exchanges. */
const finish = ({ file, key, newFile }: Places): readonly string[] => {
  const names = openConfigSync(newFile, { keys: [keys.file(key)] }).names()
  const text = readTextFile(file, { secret: false, maxBytes })
  if (text !== textIfThere(copyOf(file))) {
    throw conflict(
      `${JSON.stringify(file)} was changed while it was being migrated: rename ${JSON.stringify(copyOf(key))} to ${JSON.stringify(key)}, remove ${JSON.stringify(newFile)}, and start again`,
    )
  }
  exchange(newFile, file)
  return names.map(({ name }) => name)
}

const migrate = async (settings: Settings, places: Places): Promise<readonly string[]> => {
  const { file, key, newFile, newKey } = places
  if (exists(newFile) && !exists(newKey)) return finish(places)
  const source = keys.file(key)
  if (!openConfigSync(file, { keys: [source] }).legacy) return []
  const imported = importFernet(file, source)
  const bad = imported.filter(({ name }) => !isSecretName(name)).map(({ name }) => JSON.stringify(name))
  if (bad.length > 0) {
    throw configurationError(`names are 1 to 128 of A-Z a-z 0-9 _ . -; rename first: ${bad.slice(0, 10).join(', ')}`)
  }
  const text = readTextFile(file, { secret: false, maxBytes })
  ignoreInGit(settings, [basename(file), '*.key', '*.fernet'])
  await writeNew(places, imported)
  keepCopy(key, readTextFile(key, { secret: true, maxBytes }))
  keepCopy(file, text)
  if (readTextFile(file, { secret: false, maxBytes }) !== text) {
    throw conflict(`${JSON.stringify(file)} was changed while it was being migrated: start again`)
  }
  exchange(newKey, key)
  exchange(newFile, file)
  return imported.map(({ name }) => name)
}

export const run = async (settings: Settings): Promise<void> => {
  const places = placesOf(settings)
  const { file, key } = places
  if (!exists(file)) {
    throw new CliError('ERR_CLI_NOT_FOUND', exitCodes.notFound, `there is no file ${JSON.stringify(file)}`)
  }
  const names = await withLock(file, () => migrate(settings, places), { timeoutMs: 10_000 })
  if (settings.json) printJson({ migrated: names })
  if (names.length === 0) {
    printWords(safeLine(`${JSON.stringify(file)} is no Fernet file: nothing to do.`))
    return
  }
  const copies = [key, file].map((path) => JSON.stringify(copyOf(path))).join(' and ')
  printWords(safeLine(`Migrated ${names.length} values in ${JSON.stringify(file)}, under a new key.`))
  printWords(safeLine(`The old files are kept as ${copies}: remove them once all is well.`))
}
