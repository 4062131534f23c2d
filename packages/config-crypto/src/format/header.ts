import { ConfigError, malformed } from '../errors.ts'
import type { JsonValue } from '../types.ts'
import { decodeBase64Url } from './base64.ts'
import { isDay } from './day.ts'
import { isObject } from './json.ts'
import { type KeyEntry, keyEntryMembers, parseKeyEntries } from './key-table.ts'
import { type Pattern, parsePattern } from './patterns.ts'

/** The `sealed` member of a file, without the MAC. */
export interface Header {
  readonly id: string
  readonly rev: number
  /** The day on which the data key was drawn. */
  readonly dataKeyFrom: string
  readonly secrets: readonly Pattern[]
  readonly keys: readonly KeyEntry[]
}

const version = 1
const aead = 'A256GCM'
const maxPatterns = 256

export const onlyMembers = (object: Record<string, JsonValue>, known: readonly string[], where: string): void => {
  for (const member of Object.keys(object)) {
    if (!known.includes(member)) throw malformed(`${where} has a member that this version does not know`)
  }
}

const parseSecrets = (value: JsonValue | undefined): readonly Pattern[] => {
  if (value === undefined) return []
  const bad = (): ConfigError => malformed('"secrets" is not a list of patterns of JSON Pointers')
  if (!Array.isArray(value) || value.length === 0 || value.length > maxPatterns) throw bad()
  const patterns = value.map(parsePattern).filter((pattern) => pattern !== undefined)
  if (patterns.length !== value.length || new Set(value).size !== value.length) throw bad()
  return patterns
}

/** @throws ConfigError `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_VERSION` */
export const parseHeader = (sealed: JsonValue | undefined): { readonly header: Header; readonly mac: Buffer } => {
  if (!isObject(sealed)) throw malformed('it has no "sealed": it is not a sealed configuration')
  const { v, id, rev, dataKeyFrom, mac } = sealed
  if (typeof v !== 'number') throw malformed('"v" is not a version')
  if (v !== version) throw new ConfigError('ERR_CONFIG_VERSION', 'another version of the format than 1')
  onlyMembers(sealed, ['v', 'id', 'rev', 'aead', 'dataKeyFrom', 'secrets', 'keys', 'mac'], '"sealed"')
  if (sealed['aead'] !== aead) throw new ConfigError('ERR_CONFIG_VERSION', `another cipher than ${aead}`)
  if (typeof id !== 'string' || decodeBase64Url(id)?.length !== 16) throw malformed('"id" is not 16 bytes')
  if (typeof rev !== 'number' || !Number.isSafeInteger(rev) || rev < 1) {
    throw malformed('"rev" is not a number of writes')
  }
  if (!isDay(dataKeyFrom)) throw malformed('"dataKeyFrom" is not a day')
  const macBytes = typeof mac === 'string' ? decodeBase64Url(mac) : undefined
  if (macBytes?.length !== 32) throw malformed('"mac" is not 32 bytes')
  const [keys, secrets] = [parseKeyEntries(sealed['keys']), parseSecrets(sealed['secrets'])]
  return { header: { id, rev, dataKeyFrom, secrets, keys }, mac: macBytes }
}

/** As the file has it, and as the MAC takes it. */
export const headerMembers = ({ id, rev, dataKeyFrom, secrets, keys }: Header): Record<string, JsonValue> => ({
  v: version,
  id,
  rev,
  aead,
  dataKeyFrom,
  ...(secrets.length > 0 ? { secrets: secrets.map(({ text }) => text) } : {}),
  keys: keys.map(keyEntryMembers),
})
