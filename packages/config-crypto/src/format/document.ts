import { malformed } from '../errors.ts'
import type { JsonValue } from '../types.ts'
import { type Sink, writeCanonical } from './canonical.ts'
import { type Header, headerMembers, onlyMembers, parseHeader } from './header.ts'
import { isObject, parseJson } from './json.ts'
import { printHeader, printTree } from './print.ts'

export const maxFileBytes = 10 * 1_048_576

/** A file that has the right shape; nothing of it is verified. */
export interface SealedDocument {
  readonly header: Header
  readonly mac: Buffer
  /** As stored. */
  readonly config: JsonValue
}

const isConflict = (text: string): boolean => text.startsWith('<<<<<<< ') || text.includes('\n<<<<<<< ')

/** Any JSON file that this package reads. */
export const parseFile = (text: string): Record<string, JsonValue> => {
  let root: JsonValue
  try {
    root = parseJson(text)
  } catch (error) {
    // No JSON has a line that begins like one.
    if (!isConflict(text)) throw error
    throw malformed(
      'it holds git conflict markers: take one side whole, then repeat the change, and let "portcullis secrets merge-driver" merge the next time',
    )
  }
  if (!isObject(root)) throw malformed('it is not a JSON object')
  return root
}

/** @throws ConfigError `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_VERSION`; no message repeats what the file holds */
export const parseDocument = (text: string): SealedDocument => {
  const file = parseFile(text)
  if (file['sealed'] === undefined && Object.keys(file).some((name) => name.startsWith('encrypted_'))) {
    throw malformed(
      'it is not a sealed configuration; a Fernet file is opened by its own key, and a "portcullis secrets migrate" that was interrupted is finished by another one',
    )
  }
  const { header, mac } = parseHeader(file['sealed'])
  onlyMembers(file, ['sealed', 'config'], 'the file')
  const { config } = file
  if (!isObject(config)) throw malformed('it has no "config"')
  return { header, mac, config }
}

/** Hands out what the MAC is taken over, one character a byte. */
export const writeAuthenticated = (header: Header, config: JsonValue, sink: Sink): void =>
  writeCanonical({ sealed: headerMembers(header), config }, sink)

/** The text of a file: one line a value, ordered by name, so that a change of one value is a change of three lines. */
export const formatDocument = (header: Header, config: JsonValue, mac: Buffer): string => {
  const sealed = printHeader({ ...headerMembers(header), mac: mac.toString('base64url') }, 'keys')
  return `{\n  "sealed": ${sealed},\n  "config": ${printTree(config, '  ')}\n}\n`
}
