import { FileError } from '@portcullis-internal/files'

export type ConfigErrorCode =
  | 'ERR_CONFIG_ABSENT'
  | 'ERR_CONFIG_CHILD'
  | 'ERR_CONFIG_CONFLICT'
  | 'ERR_CONFIG_DISPOSED'
  | 'ERR_CONFIG_EXISTS'
  | 'ERR_CONFIG_FORK'
  | 'ERR_CONFIG_INTEGRITY'
  | 'ERR_CONFIG_KEY'
  | 'ERR_CONFIG_KEY_SOURCE'
  | 'ERR_CONFIG_LEGACY'
  | 'ERR_CONFIG_LOCKED'
  | 'ERR_CONFIG_MALFORMED'
  | 'ERR_CONFIG_NO_KEY'
  | 'ERR_CONFIG_OPTIONS'
  | 'ERR_CONFIG_READ'
  | 'ERR_CONFIG_ROLLBACK'
  | 'ERR_CONFIG_SCHEMA'
  | 'ERR_CONFIG_UNSAFE'
  | 'ERR_CONFIG_VERSION'
  | 'ERR_CONFIG_WRITE'

const unavailable: ReadonlySet<ConfigErrorCode> = new Set([
  'ERR_CONFIG_KEY_SOURCE',
  'ERR_CONFIG_LOCKED',
  'ERR_CONFIG_READ',
  'ERR_CONFIG_WRITE',
])

/** A configuration file or key that cannot be used, or a call that makes no sense. No message holds a value, a key or a ciphertext. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code: ConfigErrorCode
  readonly fault: 'unavailable' | 'invalid'

  constructor(code: ConfigErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.code = code
    this.fault = unavailable.has(code) ? 'unavailable' : 'invalid'
  }
}

export const optionsError = (message: string): ConfigError => new ConfigError('ERR_CONFIG_OPTIONS', message)
export const malformed = (message: string): ConfigError => new ConfigError('ERR_CONFIG_MALFORMED', message)

const ofConfigFile = {
  ERR_FILE_ABSENT: 'ERR_CONFIG_ABSENT',
  ERR_FILE_ENCODING: 'ERR_CONFIG_MALFORMED',
  ERR_FILE_LOCKED: 'ERR_CONFIG_LOCKED',
  ERR_FILE_READ: 'ERR_CONFIG_READ',
  ERR_FILE_TOO_LARGE: 'ERR_CONFIG_MALFORMED',
  ERR_FILE_UNSAFE: 'ERR_CONFIG_UNSAFE',
  ERR_FILE_WRITE: 'ERR_CONFIG_WRITE',
} as const

/** What went wrong with a file, as this package says it; anything else as it is. */
export const fromFileError = (error: unknown, subject: 'configuration' | 'key'): unknown => {
  if (!(error instanceof FileError)) return error
  const code = ofConfigFile[error.code]
  const unusable = code === 'ERR_CONFIG_MALFORMED' || code === 'ERR_CONFIG_UNSAFE'
  return new ConfigError(subject === 'key' && unusable ? 'ERR_CONFIG_KEY' : code, `${subject} file ${error.message}`, {
    cause: error,
  })
}

/** Says which file it was. */
export const inFile = <T>(path: string, read: () => T): T => {
  try {
    return read()
  } catch (error) {
    throw ofFile(path, error)
  }
}

export const ofFile = (path: string, error: unknown): unknown => {
  if (!(error instanceof ConfigError)) return error
  return new ConfigError(error.code, `configuration file ${JSON.stringify(path)}: ${error.message}`, { cause: error })
}

export const refuseUnknown = (what: string, value: unknown, known: readonly string[]): void => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw optionsError(`${what} takes an object`)
  for (const field of Object.keys(value)) {
    if (!known.includes(field)) throw optionsError(`${what}: unknown option ${JSON.stringify(field.slice(0, 64))}`)
  }
}
