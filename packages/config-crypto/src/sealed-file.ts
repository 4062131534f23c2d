import { type KeyObject, randomBytes } from 'node:crypto'
import {
  deriveFileKeys,
  type FileKeys,
  newDataKey,
  openValue,
  type Random,
  sameMac,
  sealValue,
  unwrapDataKey,
  wrapDataKey,
} from './cipher.ts'
import {
  documentMac,
  formatDocument,
  type Header,
  maxFileBytes,
  parseDocument,
  refuseReserved,
  sealedText,
  sealedTextOf,
} from './document.ts'
import { ConfigError, optionsError } from './errors.ts'
import { parseStrictJson } from './json.ts'
import type { SealingKey } from './key-text.ts'
import type { JsonValue } from './types.ts'
import type { Entry, View } from './view.ts'

/** A file of ours whose MAC is verified. */
export interface SealedFile extends View {
  readonly header: Header
  readonly mac: Buffer
  readonly keys: FileKeys
  /** As stored. */
  readonly values: ReadonlyMap<string, JsonValue>
}

const tampered = (): ConfigError =>
  new ConfigError('ERR_CONFIG_INTEGRITY', 'it was changed by someone without its key, or is damaged')

const unwrap = (header: Header, id: Buffer, keks: readonly SealingKey[], tried: readonly string[]): KeyObject => {
  for (const { kid, kek } of keks) {
    const entry = header.keys.find((candidate) => candidate.kid === kid)
    if (!entry) continue
    const dataKey = unwrapDataKey({ kek, kid, id }, entry.wrapped)
    if (!dataKey) throw tampered()
    return dataKey
  }
  const wanted = header.keys.map(({ kid }) => kid).join(', ')
  const sources = tried.map((source) => JSON.stringify(source)).join(', ')
  throw new ConfigError('ERR_CONFIG_NO_KEY', `none of its keys (${wanted}) is in ${sources}`)
}

const revealed = (keys: FileKeys, id: Buffer, name: string, text: string): unknown => {
  const json = openValue(keys, id, name, text)
  if (json === undefined)
    throw new ConfigError('ERR_CONFIG_INTEGRITY', `the value of ${JSON.stringify(name)} does not open`)
  return parseStrictJson(json)
}

const viewOf = (header: Header, mac: Buffer, keys: FileKeys, values: ReadonlyMap<string, JsonValue>): SealedFile => {
  const id = Buffer.from(header.id, 'base64url')
  const entries = new Map<string, Entry>()
  for (const [name, value] of values) {
    const text = sealedTextOf(value)
    entries.set(
      name,
      text === undefined ? { sealed: false, value } : { sealed: true, reveal: () => revealed(keys, id, name, text) },
    )
  }
  return { rev: header.rev, entries, header, mac, keys, values }
}

/** Verifies the whole file before anything of it is used. `tried` names the sources for the message. */
export const openSealed = (text: string, keks: readonly SealingKey[], tried: readonly string[]): SealedFile => {
  const { header, mac, values } = parseDocument(text)
  const id = Buffer.from(header.id, 'base64url')
  const keys = deriveFileKeys(unwrap(header, id, keks, tried), id)
  if (!sameMac(documentMac(keys, header, values), mac)) throw tampered()
  return viewOf(header, mac, keys, values)
}

export const createSealed = (
  keks: readonly SealingKey[],
  secrets: readonly string[],
  random: Random = randomBytes,
): SealedFile => {
  const id = random(16)
  const dataKey = newDataKey(random)
  const header: Header = {
    id: id.toString('base64url'),
    rev: 1,
    keys: keks.map(({ kid, kek }) => ({ kid, wrapped: wrapDataKey({ kek, kid, id }, dataKey, random) })),
    secrets,
  }
  const keys = deriveFileKeys(dataKey, id)
  const values = new Map<string, JsonValue>()
  return viewOf(header, documentMac(keys, header, values), keys, values)
}

/** The file as its next write has it. */
export const nextSealed = (file: SealedFile, values: ReadonlyMap<string, JsonValue>): SealedFile => {
  const header: Header = { ...file.header, rev: file.header.rev + 1 }
  return viewOf(header, documentMac(file.keys, header, values), file.keys, values)
}

/** What is stored for a value. @throws ConfigError `ERR_CONFIG_OPTIONS` for what may not be stored plainly */
export const storedValue = (
  file: SealedFile,
  name: string,
  value: JsonValue,
  sealed: boolean,
  random: Random = randomBytes,
): JsonValue => {
  if (sealed) {
    return sealedText(sealValue(file.keys, Buffer.from(file.header.id, 'base64url'), name, value, random))
  }
  if (file.header.secrets.includes(name)) throw optionsError(`${JSON.stringify(name)} may be stored sealed only`)
  refuseReserved(value)
  return value
}

export const formatSealed = ({ header, values, mac }: SealedFile): string => {
  const text = formatDocument(header, values, mac)
  if (Buffer.byteLength(text) > maxFileBytes) {
    throw optionsError(`the file would be larger than ${maxFileBytes} bytes`)
  }
  return text
}
