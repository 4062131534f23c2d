import { type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { FileError, readTextFile, reasonOf, shellQuote } from '@portcullis-internal/files'
import { ConfigError, fromFileError } from '../errors.ts'

export const maxKeyBytes = 4096

export const placeOf = (path: string): string => `key file ${JSON.stringify(path)}`

/** Who can rename files in a folder can put another key in the place of this one. */
export const refuseOpenFolder = (path: string): void => {
  const folder = dirname(path)
  let stat: Stats | undefined
  try {
    stat = statSync(folder, { throwIfNoEntry: false })
  } catch (cause) {
    throw new ConfigError('ERR_CONFIG_READ', `${placeOf(path)} cannot be reached: ${reasonOf(cause)}`, { cause })
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

export const readKeyFile = (path: string): string | undefined => {
  refuseOpenFolder(path)
  try {
    return readTextFile(path, { secret: true, maxBytes: maxKeyBytes })
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return undefined
    throw fromFileError(error, 'key')
  }
}
