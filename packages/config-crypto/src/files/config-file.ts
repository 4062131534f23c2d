import { readTextFile } from '@portcullis-internal/files'
import { fromFileError } from '../errors.ts'
import { maxFileBytes } from '../format/document.ts'

export const readConfigText = (path: string): string => {
  try {
    return readTextFile(path, { secret: false, maxBytes: maxFileBytes })
  } catch (error) {
    throw fromFileError(error, 'configuration')
  }
}
