import { join, resolve } from 'node:path'
import { usageError } from './failure.ts'

/** What the options before and after any command say. */
export interface Settings {
  /** Absolute. */
  readonly dir: string
  /** Whether `--dir` or PORTCULLIS_HOME named it. */
  readonly dirNamed: boolean
  /** Absolute; `undefined` when neither `--config` nor PORTCULLIS_CONFIG names one. */
  readonly configFile: string | undefined
  readonly json: boolean
}

export interface GlobalOptions {
  readonly dir?: string
  readonly config?: string
  readonly json?: boolean
}

const named = (option: string, flag: string | undefined, variable: string): string | undefined => {
  if (flag === '') throw usageError(`${option} needs a path`)
  const value = flag ?? process.env[variable]
  return value === undefined || value === '' ? undefined : value
}

/** Flag, then environment, then default. */
export const readSettings = (options: GlobalOptions): Settings => {
  const dir = named('--dir', options.dir, 'PORTCULLIS_HOME')
  const config = named('--config', options.config, 'PORTCULLIS_CONFIG')
  return {
    dir: resolve(dir ?? 'config'),
    dirNamed: dir !== undefined,
    configFile: config === undefined ? undefined : resolve(config),
    json: options.json === true,
  }
}

export const keyFileOf = (settings: Settings): string => join(settings.dir, 'api_keys.json')
export const auditFileOf = (settings: Settings): string => join(settings.dir, 'audit', 'audit.jsonl')
