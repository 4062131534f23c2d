import { inFile } from '../errors.ts'
import { readConfigText } from '../files/config-file.ts'
import { parseFile } from '../format/document.ts'
import type { Imported } from './imported.ts'

/**
 * Reads a JSON object: each member is a value, to be sealed. Members that are there twice and the like are refused, as in files of ours.
 * @throws ConfigError `ERR_CONFIG_ABSENT`, `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_READ`, `ERR_CONFIG_UNSAFE`
 */
export const importJson = (path: string): readonly Imported[] => {
  const text = readConfigText(path)
  return inFile(path, () => Object.entries(parseFile(text)).map(([name, value]) => ({ name, value, sealed: true })))
}
