import { ConfigError, malformed } from '../errors.ts'
import type { JsonValue } from '../types.ts'
import { decodeBase64Url } from './base64.ts'
import { isDay } from './day.ts'
import { isObject } from './json.ts'

/** RFC 7914. */
export interface ScryptParameters {
  readonly name: 'scrypt'
  /** A power of two, 2^14 to 2^20: 128 r N bytes are needed, 1 GiB at most. */
  readonly N: number
  readonly r: 8
  /** 1 to 4. */
  readonly p: number
  /** 16 bytes, base64url. */
  readonly salt: string
}

interface Common {
  /** Names the key, once in a table. */
  readonly kid: string
  /** The day on which it was added. */
  readonly created: string
  /** A grace key: from this day on writers drop it. */
  readonly retires?: string
  /** The data key under this one; base64url. */
  readonly wrapped: string
}

/** One way to the data key. */
export type KeyEntry =
  | (Common & { readonly kind: 'key' })
  | (Common & { readonly kind: 'passphrase'; readonly kdf: ScryptParameters })
  | (Common & { readonly kind: 'kms'; readonly provider: string; readonly ref: string })

export const kidSyntax = /^[A-Za-z0-9_-]{1,64}$/
export const providerSyntax = /^[a-z0-9-]{1,32}$/
/** Printable ASCII: resource names, paths, addresses. */
export const refSyntax = /^[\x21-\x7e]{1,2048}$/
const maxKeys = 64
/** Each passphrase costs its reader a derivation. */
const maxPassphrases = 4
const maxWrappedLength = 16_384
const wrap = 'A256GCM'
export const kdfSaltBytes = 16

const common = ['kid', 'kind', 'created', 'retires', 'wrapped']
const membersOf = {
  key: [...common, 'wrap'],
  passphrase: [...common, 'wrap', 'kdf'],
  kms: [...common, 'provider', 'ref'],
} as const

const unknownMember = (object: Record<string, JsonValue>, known: readonly string[]): boolean =>
  Object.keys(object).some((member) => !known.includes(member))

const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value))

/** Bounds are checked before anything is derived: a file must not make its reader work for hours. */
const parseKdf = (value: JsonValue | undefined): ScryptParameters => {
  if (!isObject(value) || unknownMember(value, ['name', 'N', 'r', 'p', 'salt'])) {
    throw malformed('a "kdf" is not one of this version')
  }
  const { name, N, r, p, salt } = value
  if (name !== 'scrypt') throw new ConfigError('ERR_CONFIG_VERSION', 'another key derivation than scrypt')
  const bounded =
    typeof N === 'number' &&
    isPowerOfTwo(N) &&
    N >= 2 ** 14 &&
    N <= 2 ** 20 &&
    r === 8 &&
    (p === 1 || p === 2 || p === 3 || p === 4)
  if (!bounded) throw malformed('the parameters of a "kdf" are out of bounds')
  if (typeof salt !== 'string' || decodeBase64Url(salt)?.length !== kdfSaltBytes) {
    throw malformed('the "salt" of a "kdf" is not 16 bytes')
  }
  return { name, N, r, p, salt }
}

const parseEntry = (entry: JsonValue): KeyEntry => {
  if (!isObject(entry)) throw malformed('an entry of "keys" is not an object')
  const { kid, kind, created, retires, wrapped } = entry
  if (kind !== 'key' && kind !== 'passphrase' && kind !== 'kms') {
    throw new ConfigError('ERR_CONFIG_VERSION', 'a key of a kind that this version does not know')
  }
  if (unknownMember(entry, membersOf[kind])) {
    throw malformed('an entry of "keys" has a member that this version does not know')
  }
  if (typeof kid !== 'string' || !kidSyntax.test(kid)) throw malformed('a "kid" is not the name of a key')
  if (!isDay(created) || (retires !== undefined && !isDay(retires))) throw malformed('a date of a key is not a day')
  if (typeof wrapped !== 'string' || wrapped.length > maxWrappedLength) {
    throw malformed('an entry of "keys" is incomplete')
  }
  if (kind !== 'kms' && entry['wrap'] !== wrap) {
    throw new ConfigError('ERR_CONFIG_VERSION', 'a key is wrapped in a way that this version does not know')
  }
  const shared = { kid, created, ...(retires === undefined ? {} : { retires }), wrapped }
  if (kind === 'key') return { ...shared, kind }
  if (kind === 'passphrase') return { ...shared, kind, kdf: parseKdf(entry['kdf']) }
  const { provider, ref } = entry
  if (typeof provider !== 'string' || !providerSyntax.test(provider)) throw malformed('a "provider" is not a name')
  if (typeof ref !== 'string' || !refSyntax.test(ref)) throw malformed('a "ref" is not the name of a key')
  return { ...shared, kind, provider, ref }
}

/** @throws ConfigError `ERR_CONFIG_MALFORMED`, `ERR_CONFIG_VERSION` */
export const parseKeyEntries = (value: JsonValue | undefined): readonly KeyEntry[] => {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxKeys) {
    throw malformed(`"keys" is not a list of 1 to ${maxKeys} keys`)
  }
  const entries = value.map(parseEntry)
  if (new Set(entries.map(({ kid }) => kid)).size !== entries.length) throw malformed('a "kid" is there twice')
  if (entries.filter(({ kind }) => kind === 'passphrase').length > maxPassphrases) {
    throw malformed(`more than ${maxPassphrases} passphrases`)
  }
  return entries
}

/** As the file has it, and as the MAC takes it. */
export const keyEntryMembers = (entry: KeyEntry): Record<string, JsonValue> => {
  const { kid, kind, created, retires, wrapped } = entry
  const kept = { kid, kind, created, ...(retires === undefined ? {} : { retires }) }
  if (entry.kind === 'kms') return { ...kept, provider: entry.provider, ref: entry.ref, wrapped }
  return { ...kept, ...(entry.kind === 'passphrase' ? { kdf: { ...entry.kdf } } : {}), wrap, wrapped }
}
