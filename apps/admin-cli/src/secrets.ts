import { readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ConfigurationError, readConfiguration, type Secrets } from '@portcullis-internal/configuration'
import { errnoOf, prepareDirectory, writeFileAtomicSync } from '@portcullis-internal/files'
import { type Config, ConfigError, createConfig, type KeySource, keys, openConfig } from '@portcullis/config-crypto'
import { CliError, configurationError, exitCodes, usageError } from './failure.ts'
import type { Settings } from './settings.ts'

/** Where the secrets of an installation are. */
export interface SecretPlaces {
  /** Absolute. */
  readonly file: string
  readonly sources: readonly [KeySource, ...KeySource[]]
}

/** The section `secrets` of the configuration. What it is read for may not be stored yet: what other keys say with `secret://` is not looked up. */
const sectionOf = ({ dir, configFile }: Settings): Secrets => {
  let seen: Secrets | undefined
  const openSecrets = (section: Secrets): (() => string) => {
    seen = section
    return () => 'not looked up'
  }
  try {
    const { configuration } = readConfiguration({ dir, file: configFile, env: process.env, openSecrets })
    return configuration.secrets ?? {}
  } catch (error) {
    if (seen) return seen
    if (error instanceof ConfigurationError) throw configurationError(error.message, error)
    throw error
  }
}

export const secretPlaces = (settings: Settings): SecretPlaces => {
  const { file = 'secure_config.json', keys: texts = [] } = sectionOf(settings)
  const [first = 'file:encryption.key', ...others] = texts
  const sourceOf = (text: string): KeySource => keys.parse(text, { dir: settings.dir })
  return { file: resolve(settings.dir, file), sources: [sourceOf(first), ...others.map(sourceOf)] }
}

const pipeIt = 'pipe it: printf %s "$VALUE" | portcullis secrets set NAME'

/** A name as it may be stored; asked before anything is written. Never repeated: in "NAME=VALUE" it holds the value. */
export const checkSecretName = (name: string): void => {
  if (!isSecretPlace(name)) {
    throw usageError(`a name is 1 to 128 of A-Z a-z 0-9 _ . -; a value is never an argument: ${pipeIt}`)
  }
}

/** A name, or a JSON Pointer that begins with one: the package looks at the rest. */
export const isSecretPlace = (place: string): boolean =>
  isSecretName(place) || isSecretName(/^\/([^/]*)(?:\/|$)/.exec(place)?.[1] ?? '')

export const isSecretName = (name: string): boolean => /^[A-Za-z0-9_.-]{1,128}$/.test(name) && name !== '__proto__'

/** What stands behind the name is a value that the shell's history and every user of the machine now know. */
export const refuseValues = (args: readonly string[]): void => {
  if (args.length > 1) throw usageError(`a value is never an argument, and there are no other options: ${pipeIt}`)
}

export const notFound = (name: string): CliError =>
  new CliError('ERR_CLI_NOT_FOUND', exitCodes.notFound, `there is no secret ${JSON.stringify(name)}`)

const hasCode = (error: unknown, code: string): boolean => error instanceof ConfigError && error.code === code

/** The sealed file of the configuration folder; `undefined` where there is none yet. */
export const openSecrets = async (settings: Settings): Promise<Config | undefined> => {
  try {
    const { file, sources } = secretPlaces(settings)
    return await openConfig(file, { keys: sources })
  } catch (error) {
    if (hasCode(error, 'ERR_CONFIG_ABSENT')) return undefined
    throw error
  }
}

/** As `openSecrets`; exit code 3 where there is none. */
export const openSecretsOrFail = async (settings: Settings): Promise<Config> => {
  const found = await openSecrets(settings)
  if (found) return found
  throw new CliError(
    'ERR_CLI_NOT_FOUND',
    exitCodes.notFound,
    'there are no secrets yet: "portcullis secrets set NAME" stores one',
  )
}

/** A key source as an option says it, relative to the configuration folder. */
export const keySourceOf = (text: string, { dir }: Settings): KeySource => keys.parse(text, { dir })

/** Adds to the folder's `.gitignore` what of `patterns` it does not have. */
export const ignoreInGit = (settings: Settings, patterns: readonly string[]): void => {
  const file = join(settings.dir, '.gitignore')
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
  const lines = text.split(/\r?\n/)
  const missing = lines.includes('*') ? [] : patterns.filter((pattern) => !lines.includes(pattern))
  if (missing.length === 0) return
  const separator = text === '' || text.endsWith('\n') ? '' : '\n'
  writeFileAtomicSync(file, `${text}${separator}${missing.join('\n')}\n`, { mode: 0o644 })
}

/** The sealed file of the configuration folder; folder, file and key are made where they are absent. */
export const openOrCreateSecrets = async (settings: Settings): Promise<Config> => {
  const found = await openSecrets(settings)
  if (found) return found
  prepareDirectory(settings.dir)
  const { file, sources } = secretPlaces(settings)
  ignoreInGit(settings, [...(dirname(file) === settings.dir ? [basename(file)] : []), '*.key'])
  try {
    // The others are for files that were made with them.
    return await createConfig(file, { keys: [sources[0]] })
  } catch (error) {
    // Another run was faster.
    const made = hasCode(error, 'ERR_CONFIG_EXISTS') ? await openSecrets(settings) : undefined
    if (made) return made
    throw error
  }
}
