import {
  type Configuration,
  ConfigurationError,
  findConfiguration,
  readConfiguration,
  secretsBy,
} from '@portcullis-internal/configuration'
import { keys, openConfigSync } from '@portcullis/config-crypto'
import { resolve } from 'node:path'
import { configurationError } from './failure.ts'
import type { Settings } from './settings.ts'

/** What `secret://NAME` in the configuration reads, as the server reads it. */
const openSecrets = secretsBy((file, sources, dir) =>
  openConfigSync(resolve(dir, file), { keys: sources.map((source) => keys.parse(source, { dir })) }),
)

/** The file that would be read; `undefined` where there is none. */
export const configurationFileOf = ({ dir, configFile }: Settings): string | undefined =>
  configFile ?? findConfiguration(dir)

/** The configuration of the server that is administered: the same file, read the same way. */
export const configurationOf = ({ dir, configFile }: Settings): Configuration => {
  try {
    return readConfiguration({ dir, file: configFile, env: process.env, openSecrets }).configuration
  } catch (error) {
    if (error instanceof ConfigurationError) throw configurationError(error.message, error)
    throw error
  }
}
