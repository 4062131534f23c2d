import { decodeBase64Url } from './base64.ts'
import { type FileKeys, macOf } from './cipher.ts'
import { ConfigError, optionsError } from './errors.ts'
import { isObject, parseStrictJson, someText } from './json.ts'
import { kidSyntax } from './key-source.ts'
import type { JsonValue } from './types.ts'

export const maxFileBytes = 10 * 1_048_576
const maxKeys = 64

/** The `sealed` member of a file, without the MAC. */
export interface Header {
  readonly id: string
  readonly rev: number
  readonly keys: readonly { readonly kid: string; readonly wrapped: string }[]
  readonly secrets: readonly string[]
}

/** A file that has the right shape; nothing of it is verified. */
export interface SealedDocument {
  readonly header: Header
  readonly mac: Buffer
  readonly values: ReadonlyMap<string, JsonValue>
}

const version = 1
const aead = 'A256GCM'
const sealedPrefix = 'enc:v1:'
/** Texts that may not stand in a file as they are. */
const isReserved = (text: string): boolean => text.startsWith('enc:')

export const nameSyntax = /^[A-Za-z0-9_.-]{1,128}$/
export const isName = (name: unknown): name is string =>
  typeof name === 'string' && nameSyntax.test(name) && name !== '__proto__'

const malformed = (message: string): ConfigError => new ConfigError('ERR_CONFIG_MALFORMED', message)

const onlyMembers = (object: Record<string, JsonValue>, known: readonly string[], where: string): void => {
  for (const member of Object.keys(object)) {
    if (!known.includes(member)) throw malformed(`${where} has a member that this version does not know`)
  }
}

const parseKeys = (value: JsonValue | undefined): Header['keys'] => {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxKeys) {
    throw malformed(`"keys" is not a list of 1 to ${maxKeys} keys`)
  }
  const seen = new Set<string>()
  return value.map((entry: JsonValue) => {
    if (!isObject(entry)) throw malformed('an entry of "keys" is not an object')
    onlyMembers(entry, ['kid', 'wrap', 'wrapped'], 'an entry of "keys"')
    const { kid, wrap, wrapped } = entry
    if (typeof kid !== 'string' || !kidSyntax.test(kid)) throw malformed('a "kid" is not the name of a key')
    if (seen.has(kid)) throw malformed('a "kid" is there twice')
    seen.add(kid)
    if (typeof wrap !== 'string' || typeof wrapped !== 'string') throw malformed('an entry of "keys" is incomplete')
    if (wrap !== aead) {
      throw new ConfigError('ERR_CONFIG_VERSION', 'a key is wrapped in a way that this version does not know')
    }
    return { kid, wrapped }
  })
}

const parseSecrets = (value: JsonValue | undefined): readonly string[] => {
  if (value === undefined) return []
  const names = Array.isArray(value) ? value.map((pointer: JsonValue) => String(pointer).replace(/^\//, '')) : []
  const good = names.length > 0 && names.every((name, i) => isName(name) && `/${name}` === (value as JsonValue[])[i])
  if (!good || new Set(names).size !== names.length)
    throw malformed('"secrets" is not a list of JSON Pointers to names')
  return names
}

const parseHeader = (sealed: JsonValue | undefined): { header: Header; mac: Buffer } => {
  if (!isObject(sealed)) throw malformed('it has no "sealed": it is not a sealed configuration')
  const { v, id, rev, mac } = sealed
  if (typeof v !== 'number') throw malformed('"v" is not a version')
  if (v !== version) throw new ConfigError('ERR_CONFIG_VERSION', 'another version of the format than 1')
  onlyMembers(sealed, ['v', 'id', 'rev', 'aead', 'secrets', 'keys', 'mac'], '"sealed"')
  if (sealed['aead'] !== aead) throw new ConfigError('ERR_CONFIG_VERSION', `another cipher than ${aead}`)
  if (typeof id !== 'string' || decodeBase64Url(id)?.length !== 16) throw malformed('"id" is not 16 bytes')
  if (typeof rev !== 'number' || !Number.isSafeInteger(rev) || rev < 1)
    throw malformed('"rev" is not a number of writes')
  const macBytes = typeof mac === 'string' ? decodeBase64Url(mac) : undefined
  if (macBytes?.length !== 32) throw malformed('"mac" is not 32 bytes')
  return {
    header: { id, rev, keys: parseKeys(sealed['keys']), secrets: parseSecrets(sealed['secrets']) },
    mac: macBytes,
  }
}

/** Whether a value of a file is a ciphertext. */
export const sealedTextOf = (value: JsonValue): string | undefined =>
  typeof value === 'string' && value.startsWith(sealedPrefix) ? value.slice(sealedPrefix.length) : undefined

const parseValues = (config: JsonValue | undefined, secrets: readonly string[]): ReadonlyMap<string, JsonValue> => {
  if (!isObject(config)) throw malformed('it has no "config"')
  const values = new Map<string, JsonValue>()
  for (const [name, value] of Object.entries(config)) {
    if (!isName(name)) throw malformed('a member of "config" has a name that is not allowed')
    const sealed = sealedTextOf(value) !== undefined
    if (!sealed && someText(value, isReserved)) throw malformed('a plain value begins with "enc:"')
    if (!sealed && secrets.includes(name)) throw malformed(`${JSON.stringify(name)} must be sealed and is not`)
    values.set(name, value)
  }
  return values
}

const isConflict = (text: string): boolean => text.startsWith('<<<<<<< ') || text.includes('\n<<<<<<< ')

/** Any JSON file that this package reads. */
export const parseFile = (text: string): Record<string, JsonValue> => {
  if (isConflict(text)) throw malformed('it holds git conflict markers: take one side whole, then repeat the change')
  const root = parseStrictJson(text)
  if (!isObject(root)) throw malformed('it is not a JSON object')
  return root
}

/** @throws ConfigError `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_VERSION`; no message repeats what the file holds */
export const parseDocument = (text: string): SealedDocument => {
  const root = parseFile(text)
  if (root['sealed'] === undefined && Object.keys(root).some((name) => name.startsWith('encrypted_'))) {
    throw malformed(
      'it is not a sealed configuration; a Fernet file is opened by its own key, and a "portcullis secrets migrate" that was interrupted is finished by another one',
    )
  }
  const { header, mac } = parseHeader(root['sealed'])
  onlyMembers(root, ['sealed', 'config'], 'the file')
  return { header, mac, values: parseValues(root['config'], header.secrets) }
}

const headerMembers = ({ id, rev, keys, secrets }: Header) => ({
  v: version,
  id,
  rev,
  aead,
  ...(secrets.length > 0 ? { secrets: secrets.map((name) => `/${name}`) } : {}),
  keys: keys.map(({ kid, wrapped }) => ({ kid, wrap: aead, wrapped })),
})

export const documentMac = (keys: FileKeys, header: Header, values: ReadonlyMap<string, JsonValue>): Buffer =>
  macOf(keys, { sealed: headerMembers(header), config: Object.fromEntries(values) })

/** A plain value may hold no text that a reader would take for a ciphertext. */
export const refuseReserved = (value: JsonValue): void => {
  if (someText(value, isReserved)) throw optionsError('a plain value may not begin with "enc:": store it sealed')
}

export const sealedText = (ciphertext: string): string => `${sealedPrefix}${ciphertext}`

const block = (open: string, close: string, lines: readonly string[]): string =>
  lines.length === 0 ? `${open}${close}` : `${open}\n${lines.join(',\n')}\n${close}`

/** The text of a file: one line a value, ordered by name, so that a change of one value is a change of three lines. */
export const formatDocument = (header: Header, values: ReadonlyMap<string, JsonValue>, mac: Buffer): string => {
  const members = Object.entries({ ...headerMembers(header), mac: mac.toString('base64url') })
  const sealed = members.map(([name, value]) => {
    const list =
      name === 'keys' ? header.keys.map((_, i) => `      ${JSON.stringify((value as object[])[i])}`) : undefined
    return `    ${JSON.stringify(name)}: ${list ? block('[', '    ]', list) : JSON.stringify(value)}`
  })
  const config = [...values]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
  return `{\n  "sealed": ${block('{', '  }', sealed)},\n  "config": ${block('{', '  }', config)}\n}\n`
}
