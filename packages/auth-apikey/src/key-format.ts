import { crc32 } from 'node:zlib'
import { base62Of32Bits, base62Value, isBase62, randomBase62 } from './base62.ts'
import { crc32Of } from './crc32.ts'

/** Of a text that may be a key of any format, in characters: header lines of 8 KiB and more are rarely let through. */
export const maxKeyChars = 4096

/** What stands in a key's text for anyone to read; the secret is not among it. */
export interface ParsedKey {
  readonly prefix: string
  readonly env: string
  readonly id: string
}

// <prefix>_<env>_<id 12><secret 43><crc 6>: read from its end, where everything has its place.
const ID_CHARS = 12
const CRC_CHARS = 6
const CODE_CHARS = ID_CHARS + 43 + CRC_CHARS
const longest = 16 + 1 + 16 + 1 + CODE_CHARS
const head = /^([a-z][a-z0-9_]{0,14}[a-z0-9])_([a-z]{1,16})$/

export const prefixPattern = /^[a-z][a-z0-9_]{0,14}[a-z0-9]$/
export const envPattern = /^[a-z]{1,16}$/

const checksum = (text: string): string => base62Of32Bits(crc32(text))

/** Whether a text may be a key and ends in the checksum of what stands before; says nothing of its other parts. Runs for every request, before anything dear. */
export const hasChecksum = (text: string): boolean => {
  const end = text.length - CRC_CHARS
  return end > CODE_CHARS - CRC_CHARS && text.length <= longest && crc32Of(text, end) === base62Value(text, end)
}

/** Under which id a text is looked up that has a checksum. Its head is not looked at: it is part of what is hashed. */
export const idIn = (text: string): string | undefined => {
  const code = text.length - CODE_CHARS
  return text[code - 1] === '_' && isBase62(text, code) ? text.slice(code, code + ID_CHARS) : undefined
}

/** Splits a text of our shape, whatever its checksum. */
export const splitKey = (text: string): ParsedKey | undefined => {
  const code = text.length - CODE_CHARS
  if (code < 5 || text.length > longest || text[code - 1] !== '_' || !isBase62(text, code)) return undefined
  const match = head.exec(text.slice(0, code - 1))
  if (!match) return undefined
  const [, prefix = '', env = ''] = match
  return { prefix, env, id: text.slice(code, code + ID_CHARS) }
}

/** Whether a text may be a key of ours with some characters lost or added: such text is not shown, nor stored where it would be. */
export const resemblesKey = (text: string): boolean => /_[0-9A-Za-z]{20}/.test(text)

/** Reads a key offline: its public parts if the text has our shape and its checksum (CRC-32, for typing errors and scanners only) holds. */
export const parseKey = (text: string): ParsedKey | undefined =>
  typeof text === 'string' && hasChecksum(text) ? splitKey(text) : undefined

/** Puts a key's text together and appends its checksum. */
export const formatKey = (parts: ParsedKey & { readonly secret: string }): string => {
  const text = `${parts.prefix}_${parts.env}_${parts.id}${parts.secret}`
  return text + checksum(text)
}

/** A new key: 71 bits of id that anyone may see and 256 bits of secret. */
export const generateKey = (
  prefix: string,
  env: string,
  random: (size: number) => Uint8Array,
): { key: string; id: string } => {
  const id = randomBase62(12, random)
  return { key: formatKey({ prefix, env, id, secret: randomBase62(43, random) }), id }
}
