import { FileError, readTextFile, withLock, writeFileAtomicSync } from '@portcullis-internal/files'
import { ValidatorError } from '../errors.ts'
import { EMPTY_LOCK, printLock, readLock } from './lock.ts'
import type { PinLock } from './types.ts'

const MAX_BYTES = 64 * 1_048_576

/**
 * The lock of a file; an empty one where there is no file. The file must belong to the user or root and not be writable by others.
 * @throws ValidatorError ERR_VALIDATOR_LOCK
 */
export function readPinFile(path: string): PinLock {
  let text: string
  try {
    text = readTextFile(path, { secret: false, maxBytes: MAX_BYTES })
  } catch (error) {
    if (error instanceof FileError && error.code === 'ERR_FILE_ABSENT') return EMPTY_LOCK
    throw new ValidatorError('ERR_VALIDATOR_LOCK', error instanceof Error ? error.message : 'the file cannot be read', {
      cause: error,
    })
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new ValidatorError('ERR_VALIDATOR_LOCK', `${JSON.stringify(path)} is not JSON`, { cause })
  }
  return readLock(json)
}

/** Writes the whole lock or nothing, and makes it durable. @throws ValidatorError ERR_VALIDATOR_LOCK */
export async function writePinFile(path: string, lock: PinLock): Promise<void> {
  const text = printLock(readLock(lock))
  try {
    await withLock(path, () => writeFileAtomicSync(path, text, { mode: 0o644 }))
  } catch (error) {
    throw new ValidatorError(
      'ERR_VALIDATOR_LOCK',
      error instanceof Error ? error.message : 'the file cannot be written',
      { cause: error },
    )
  }
}
