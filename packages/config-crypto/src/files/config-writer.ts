import { lstatSync } from 'node:fs'
import { withLock, writeFileAtomicSync } from '@portcullis-internal/files'
import { ConfigError, fromFileError } from '../errors.ts'
import { readConfigText } from './config-file.ts'
import { sweepTemporaries } from './temporaries.ts'

const lockTimeoutMs = 10_000

/** Runs `fn` while no other process changes the file. */
export const locked = <T>(path: string, fn: () => T | Promise<T>): Promise<T> =>
  withLock(path, fn, { timeoutMs: lockTimeoutMs }).catch((error: unknown) => {
    throw fromFileError(error, 'configuration')
  })

/**
 * Replaces the file as a whole; only for who holds its lock.
 * @param before the text that the change was made to. An editor takes no lock: what it wrote meanwhile is not written over
 * @throws ConfigError `ERR_CONFIG_CONFLICT`, `ERR_CONFIG_WRITE`
 */
export const writeConfigText = (path: string, text: string, before: string | undefined): void => {
  // It would be replaced, and whatever it points to left as it was.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new ConfigError('ERR_CONFIG_WRITE', `${JSON.stringify(path)} is a symbolic link: name the file itself`)
  }
  if (before !== undefined && readConfigText(path) !== before) {
    const message = `configuration file ${JSON.stringify(path)} was changed meanwhile by something that takes no lock`
    throw new ConfigError('ERR_CONFIG_CONFLICT', message)
  }
  sweepTemporaries(path)
  writeFileAtomicSync(path, text, { mode: 0o600 })
}
