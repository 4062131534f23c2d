import { FileError, readTextFile } from '@portcullis-internal/files'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConfigurationError } from './errors.ts'
import { parseConfiguration } from './parse.ts'
import type { Configuration } from './schema.ts'

export type Secrets = NonNullable<Configuration['secrets']>

export interface ReadOptions {
  /** The folder of keys and configuration; absolute. */
  readonly dir: string
  /** The file, where somebody named one; absolute. Default: the one that is in the folder, if any. */
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Opens the sealed file that `secret://NAME` reads; called at the first of them. */
  readonly openSecrets: (options: Secrets, dir: string) => (name: string) => string
}

const fileNames = ['portcullis.yaml', 'portcullis.yml', 'portcullis.json']

/** The file of a folder, if it has one. */
export const findConfiguration = (dir: string): string | undefined => {
  const found = fileNames.map((name) => join(dir, name)).filter((path) => existsSync(path))
  if (found.length > 1) throw new ConfigurationError(`${found.join(' and ')} are both there: keep one`)
  return found[0]
}

/**
 * The configuration of an installation and where it is; an empty one where there is no file.
 *
 * @throws {ConfigurationError}
 */
export const readConfiguration = ({
  dir,
  file = findConfiguration(dir),
  env,
  openSecrets,
}: ReadOptions): { readonly configuration: Configuration; readonly path: string | undefined } => {
  if (file === undefined) return { configuration: {}, path: undefined }
  const readFile = (name: string): string =>
    readTextFile(resolve(dirname(file), name), { secret: true, maxBytes: 65_536 })
  try {
    const text = readTextFile(file, { secret: false, maxBytes: 1_048_576 })
    const sources = { env, readFile, openSecrets: (options: Secrets) => openSecrets(options, dir) }
    return { configuration: parseConfiguration(text, file, sources), path: file }
  } catch (error) {
    if (error instanceof FileError) throw new ConfigurationError(error.message, { cause: error })
    throw error
  }
}
